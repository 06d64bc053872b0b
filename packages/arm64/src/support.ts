import type { Capability, KernelSource, Support, ToolSupport } from '@kelp/core';

const kconfig = (symbol: string): KernelSource => ({ file: 'arch/arm64/Kconfig', symbol });
const moduleFile = (symbol: string): KernelSource => ({ file: 'arch/arm64/kernel/module.c', symbol });
const pltFile = (symbol: string): KernelSource => ({ file: 'arch/arm64/kernel/module-plts.c', symbol });

// 6.17 brought livepatch, reliable stack traces and the late store together.

const livepatchCapabilities: readonly Capability[] = [
  {
    name: 'livepatch',
    title: 'Livepatching',
    kernels: [
      { applies: [{ before: '6.17' }], state: 'no', source: kconfig('HAVE_LIVEPATCH') },
      {
        applies: [{ since: '6.17' }],
        state: 'conditional',
        condition: 'LIVEPATCH, which needs DYNAMIC_FTRACE_WITH_ARGS, MODULES, SYSFS, KALLSYMS_ALL and no TRIM_UNUSED_KSYMS',
        source: kconfig('HAVE_LIVEPATCH'),
      },
    ],
  },
  {
    name: 'reliable-stacktrace',
    title: 'Reliable stack traces',
    kernels: [
      { applies: [{ before: '6.17' }], state: 'no', source: kconfig('HAVE_RELIABLE_STACKTRACE') },
      {
        applies: [{ since: '6.17' }],
        state: 'yes',
        source: { file: 'arch/arm64/kernel/stacktrace.c', symbol: 'arch_stack_walk_reliable' },
      },
    ],
  },
  {
    name: 'klp-build',
    title: 'Livepatches built from source by klp-build',
    kernels: [{ state: 'no', source: { file: 'kernel/livepatch/Kconfig', symbol: 'HAVE_KLP_BUILD' } }],
  },
  {
    name: 'clear-relocations',
    title: 'Relocations are cleared when the target module goes',
    // Since 6.3 there is a weak clear_relocate_add(), which does nothing.
    kernels: [{ state: 'no', source: { file: 'kernel/livepatch/core.c', symbol: 'clear_relocate_add' } }],
  },
  {
    name: 'late-text-relocations',
    title: 'Relocations into read-only code of a running module',
    kernels: [
      { applies: [{ before: '6.17' }], state: 'no', source: moduleFile('apply_relocate_add') },
      {
        applies: [{ since: '6.17' }],
        state: 'conditional',
        condition: 'places that are a multiple of 4; a new PLT entry, or a veneer for erratum 843419, is a plain store and faults',
        source: moduleFile('WRITE_PLACE'),
      },
    ],
  },
  {
    name: 'reload-after-unload',
    title: 'The target module can be loaded again under an active livepatch',
    kernels: [
      { applies: [{ before: '6.17' }], state: 'no', source: kconfig('HAVE_LIVEPATCH') },
      {
        applies: [{ since: '6.17' }],
        state: 'conditional',
        condition: 'no branch that needs a PLT entry, and no ADRP that became a branch to a veneer for erratum 843419',
        source: moduleFile('apply_relocate_add'),
      },
    ],
  },
];

const codeCapabilities: readonly Capability[] = [
  {
    name: 'static-calls',
    title: 'Static calls out of line',
    kernels: [
      { applies: [{ before: '7.2' }], state: 'no', source: kconfig('HAVE_STATIC_CALL') },
      // Seen in 7.2, not in 6.12. Trampolines only: there is no table of call sites.
      { applies: [{ since: '7.2' }], state: 'conditional', condition: 'CFI', source: kconfig('HAVE_STATIC_CALL') },
    ],
  },
  {
    name: 'jump-labels',
    title: 'Jump labels',
    kernels: [{ state: 'conditional', condition: 'JUMP_LABEL', source: kconfig('HAVE_ARCH_JUMP_LABEL_RELATIVE') }],
  },
  {
    name: 'alternatives',
    title: 'Alternatives in modules',
    kernels: [{ state: 'yes', source: { file: 'arch/arm64/kernel/alternative.c', symbol: 'apply_alternatives_module' } }],
  },
  {
    name: 'ftrace-call-sites',
    title: 'Function tracing in modules',
    kernels: [
      {
        applies: [{ before: '6.2' }],
        state: 'conditional',
        condition: 'DYNAMIC_FTRACE_WITH_REGS',
        source: kconfig('HAVE_DYNAMIC_FTRACE_WITH_REGS'),
      },
      {
        applies: [{ since: '6.2' }],
        state: 'conditional',
        condition: 'DYNAMIC_FTRACE_WITH_ARGS',
        source: kconfig('HAVE_DYNAMIC_FTRACE_WITH_ARGS'),
      },
    ],
  },
  {
    name: 'ftrace-call-ops',
    title: 'A pointer to its ftrace_ops before each traced function',
    kernels: [
      { applies: [{ before: '6.3' }], state: 'no', source: kconfig('HAVE_DYNAMIC_FTRACE_WITH_CALL_OPS') },
      {
        applies: [{ since: '6.3' }],
        state: 'conditional',
        condition: 'DYNAMIC_FTRACE_WITH_CALL_OPS',
        source: kconfig('HAVE_DYNAMIC_FTRACE_WITH_CALL_OPS'),
      },
    ],
  },
  {
    name: 'module-plts',
    title: 'PLT entries for branches out of reach',
    kernels: [
      {
        applies: [{ before: '6.5' }],
        state: 'conditional',
        condition: 'ARM64_MODULE_PLTS, and RANDOMIZE_BASE for more than veneers',
        source: pltFile('module_emit_plt_entry'),
      },
      { applies: [{ since: '6.5' }], state: 'yes', source: pltFile('module_emit_plt_entry') },
    ],
  },
  {
    name: 'erratum-843419',
    title: 'ADRP at the end of a page is rewritten',
    kernels: [{ state: 'conditional', condition: 'ARM64_ERRATUM_843419 and a Cortex-A53', source: moduleFile('reloc_insn_adrp') }],
  },
  {
    name: 'dynamic-shadow-call-stack',
    title: 'Shadow call stack instead of pointer authentication, chosen at load',
    kernels: [
      { applies: [{ before: '6.2' }], state: 'no', source: moduleFile('module_finalize') },
      {
        applies: [{ since: '6.2' }],
        state: 'conditional',
        condition: 'UNWIND_PATCH_PAC_INTO_SCS, and a CPU without pointer authentication',
        source: moduleFile('module_finalize'),
      },
    ],
  },
];

// klp-build: objtool has no back end for arm64. kpatch: special_sections[] and the lists of sections treated apart in
// kpatch-build/create-diff-object.c; it has arm64 since 2025.
const tools: readonly ToolSupport[] = [
  { feature: 'livepatch', tool: 'klp-build', state: 'unsupported', note: 'objtool klp is built for x86-64 only' },

  { feature: 'livepatch', tool: 'kpatch', applies: [{ since: '6.17' }], state: 'supported', note: 'maintenance only since March 2026' },
  { feature: '.altinstructions', tool: 'kpatch', state: 'supported' },
  { feature: '__ex_table', tool: 'kpatch', state: 'supported' },
  { feature: '__bug_table', tool: 'kpatch', state: 'supported' },
  {
    feature: '__jump_table',
    tool: 'kpatch',
    state: 'partial',
    note: 'a key in a module is an error, except those of tracepoints and dynamic debug: their entries are left out',
  },
  { feature: '__patchable_function_entries', tool: 'kpatch', state: 'regenerated', note: 'made anew for the changed functions' },
  { feature: '.printk_index', tool: 'kpatch', state: 'supported' },
  { feature: '__ksymtab', tool: 'kpatch', state: 'refused', note: 'changed exports are an error' },
  { feature: '__dyndbg', tool: 'kpatch', state: 'supported', note: 'always included' },
  { feature: '.data..percpu', tool: 'kpatch', state: 'refused', note: 'changed data is an error' },
  { feature: '.data..once', tool: 'kpatch', state: 'supported', note: 'static flags are treated apart' },
  { feature: '.klp.rela.*', tool: 'kpatch', state: 'supported', note: 'written by create-klp-module' },
  { feature: '.discard.*', tool: 'kpatch', state: 'dropped', note: 'ignored; a finished module has none' },
];

/** What arm64 kernels and the livepatch tools support. */
export const support: Support = {
  capabilities: [...livepatchCapabilities, ...codeCapabilities],
  tools,
};
