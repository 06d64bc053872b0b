import type { Capability, KernelSource, Support } from '@kelp/core';
import { tools } from './support-tools.ts';

// Kconfig: what the kernel selects. module.c, alternative.c: what a loaded module goes through.

const kconfig = (symbol: string): KernelSource => ({ file: 'arch/x86/Kconfig', symbol });
const moduleFile = (symbol: string): KernelSource => ({ file: 'arch/x86/kernel/module.c', symbol });
const alternativeFile = (symbol: string): KernelSource => ({ file: 'arch/x86/kernel/alternative.c', symbol });

const livepatchCapabilities: readonly Capability[] = [
  {
    name: 'livepatch',
    title: 'Livepatching',
    kernels: [
      {
        applies: [{ before: '6.1' }],
        state: 'conditional',
        condition: 'LIVEPATCH, which needs DYNAMIC_FTRACE_WITH_REGS, MODULES, SYSFS, KALLSYMS_ALL and no TRIM_UNUSED_KSYMS',
        source: kconfig('HAVE_LIVEPATCH'),
      },
      {
        // Seen in 6.1, not in 5.10: DYNAMIC_FTRACE_WITH_ARGS will do.
        applies: [{ since: '6.1' }],
        state: 'conditional',
        condition: 'LIVEPATCH, which needs DYNAMIC_FTRACE_WITH_REGS or _WITH_ARGS, MODULES, SYSFS, KALLSYMS_ALL and no TRIM_UNUSED_KSYMS',
        source: kconfig('HAVE_LIVEPATCH'),
      },
    ],
  },
  {
    name: 'reliable-stacktrace',
    title: 'Reliable stack traces',
    kernels: [
      {
        applies: [{ before: '6.1' }],
        state: 'conditional',
        condition: 'STACK_VALIDATION with UNWINDER_ORC or UNWINDER_FRAME_POINTER',
        source: kconfig('HAVE_RELIABLE_STACKTRACE'),
      },
      // Seen in 6.1, not in 5.10.
      {
        applies: [{ since: '6.1' }],
        state: 'conditional',
        condition: 'UNWINDER_ORC or STACK_VALIDATION',
        source: kconfig('HAVE_RELIABLE_STACKTRACE'),
      },
    ],
  },
  {
    name: 'klp-build',
    title: 'Livepatches built from source by klp-build',
    kernels: [
      { applies: [{ before: '6.19' }], state: 'no', source: kconfig('HAVE_KLP_BUILD') },
      {
        applies: [{ since: '6.19' }],
        state: 'conditional',
        condition: 'KLP_BUILD, 64-bit kernels only',
        source: kconfig('HAVE_KLP_BUILD'),
      },
    ],
  },
  {
    name: 'clear-relocations',
    title: 'Relocations are cleared when the target module goes',
    kernels: [
      { applies: [{ before: '6.3' }], state: 'no', source: moduleFile('apply_relocate_add') },
      { applies: [{ since: '6.3' }], state: 'yes', source: moduleFile('clear_relocate_add') },
    ],
  },
  {
    name: 'late-text-relocations',
    title: 'Relocations into read-only code of a running module',
    kernels: [{ state: 'yes', source: moduleFile('apply_relocate_add') }],
  },
  {
    name: 'reload-after-unload',
    title: 'The target module can be loaded again under an active livepatch',
    kernels: [
      // Every field still holds the old value, which the loader refuses.
      { applies: [{ before: '6.3' }], state: 'no', source: moduleFile('__apply_relocate_add') },
      {
        applies: [{ since: '6.3' }],
        state: 'conditional',
        condition: 'clearing reached the end of every section: it stops at a field that changed, and is left out after a failed first load',
        source: moduleFile('clear_relocate_add'),
      },
    ],
  },
];

const codeCapabilities: readonly Capability[] = [
  {
    name: 'static-calls',
    title: 'Inline static calls',
    kernels: [{ state: 'yes', source: kconfig('HAVE_STATIC_CALL_INLINE') }],
  },
  {
    name: 'jump-labels',
    title: 'Jump labels',
    kernels: [{ state: 'conditional', condition: 'JUMP_LABEL', source: kconfig('HAVE_ARCH_JUMP_LABEL_RELATIVE') }],
  },
  {
    name: 'jump-label-nops',
    title: 'Jump labels become nops in module_finalize()',
    kernels: [
      { applies: [{ before: '6.1' }], state: 'conditional', condition: 'JUMP_LABEL', source: moduleFile('module_finalize') },
      // Seen in 6.1, not in 5.10: objtool writes the nops.
      { applies: [{ since: '6.1' }], state: 'no', source: moduleFile('module_finalize') },
    ],
  },
  {
    name: 'alternatives',
    title: 'Alternatives in modules',
    kernels: [{ state: 'yes', source: alternativeFile('apply_alternatives') }],
  },
  {
    name: 'paravirt-patching',
    title: 'Paravirtual calls are rewritten in modules',
    kernels: [
      { applies: [{ before: '6.8' }], state: 'conditional', condition: 'PARAVIRT', source: alternativeFile('apply_paravirt') },
      // As alternatives that ask for a direct call.
      { applies: [{ since: '6.8' }], state: 'conditional', condition: 'PARAVIRT', source: alternativeFile('apply_alternatives') },
    ],
  },
  {
    name: 'smp-lock-patching',
    title: 'Lock prefixes are dropped on one CPU',
    kernels: [
      {
        applies: [{ before: '7.3' }],
        state: 'conditional',
        condition: 'SMP, booted with one CPU and without noreplace-smp',
        source: alternativeFile('alternatives_smp_module_add'),
      },
      { applies: [{ since: '7.3' }], state: 'no', source: moduleFile('module_finalize') },
    ],
  },
  {
    name: 'ftrace-call-sites',
    title: 'Function tracing in modules',
    kernels: [{ state: 'conditional', condition: 'DYNAMIC_FTRACE', source: kconfig('HAVE_FTRACE_MCOUNT_RECORD') }],
  },
  {
    name: 'rox-text-cache',
    title: 'Module text in large read-only pages',
    kernels: [
      { applies: [{ before: '7.2' }], state: 'no', source: { file: 'mm/execmem.c' } },
      // Seen in 7.2, not in 6.12.
      {
        applies: [{ since: '7.2' }],
        state: 'conditional',
        condition: 'ARCH_HAS_EXECMEM_ROX and a CPU with large pages (PSE)',
        source: { file: 'mm/execmem.c', symbol: 'execmem_alloc_rw' },
      },
    ],
  },
];

const mitigationCapabilities: readonly Capability[] = [
  {
    name: 'retpoline-sites',
    title: 'Retpolines are rewritten in modules',
    kernels: [
      {
        applies: [{ before: '6.9' }],
        state: 'conditional',
        condition: 'RETPOLINE and OBJTOOL',
        source: alternativeFile('apply_retpolines'),
      },
      {
        applies: [{ since: '6.9' }],
        state: 'conditional',
        condition: 'MITIGATION_RETPOLINE and OBJTOOL',
        source: alternativeFile('apply_retpolines'),
      },
    ],
  },
  {
    name: 'return-thunk-sites',
    title: 'Return thunks are rewritten in modules',
    kernels: [
      { applies: [{ before: '6.9' }], state: 'conditional', condition: 'RETHUNK and OBJTOOL', source: alternativeFile('apply_returns') },
      {
        applies: [{ since: '6.9' }],
        state: 'conditional',
        condition: 'MITIGATION_RETHUNK and OBJTOOL',
        source: alternativeFile('apply_returns'),
      },
    ],
  },
  {
    name: 'its-thunks',
    title: 'Thunks of a module against indirect target selection',
    kernels: [
      { applies: [{ before: '6.1' }], state: 'no', source: alternativeFile('apply_retpolines') },
      // Seen in 6.1, not in 5.10; a fix that stable series took over.
      {
        applies: [{ since: '6.1' }],
        state: 'conditional',
        condition: 'MITIGATION_ITS and an affected CPU',
        source: alternativeFile('its_init_mod'),
      },
    ],
  },
  {
    name: 'call-depth-tracking',
    title: 'Calls are accounted in modules',
    kernels: [
      { applies: [{ before: '6.2' }], state: 'no', source: moduleFile('module_finalize') },
      {
        applies: [{ since: '6.2' }],
        state: 'conditional',
        condition: 'CALL_THUNKS, and retbleed=stuff on a Skylake CPU',
        source: { file: 'arch/x86/kernel/callthunks.c', symbol: 'callthunks_patch_module_calls' },
      },
    ],
  },
  {
    name: 'fineibt',
    title: 'FineIBT in modules',
    kernels: [
      { applies: [{ before: '6.2' }], state: 'no', source: moduleFile('module_finalize') },
      {
        applies: [{ since: '6.2' }],
        state: 'conditional',
        condition: 'FINEIBT, and a CPU with IBT',
        source: alternativeFile('apply_fineibt'),
      },
    ],
  },
  {
    name: 'ibt-sealing',
    title: 'endbr64 of functions that are never called indirectly is removed',
    kernels: [
      { applies: [{ before: '5.18' }], state: 'no', source: moduleFile('module_finalize') },
      {
        applies: [{ since: '5.18', before: '6.12' }],
        state: 'conditional',
        condition: 'X86_KERNEL_IBT',
        source: alternativeFile('apply_ibt_endbr'),
      },
      // The name is that of 6.12.
      { applies: [{ since: '6.12' }], state: 'conditional', condition: 'X86_KERNEL_IBT', source: alternativeFile('apply_seal_endbr') },
    ],
  },
];

/** What x86-64 kernels and livepatch tools support. */
export const support: Support = {
  capabilities: [...livepatchCapabilities, ...codeCapabilities, ...mitigationCapabilities],
  tools,
};
