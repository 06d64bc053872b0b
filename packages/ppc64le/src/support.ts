import type { Capability, KernelSource, KernelSupport, Support, ToolSupport } from '@kelp/core';

const kconfig = (symbol: string): KernelSource => ({ file: 'arch/powerpc/Kconfig', symbol });
const relocate: KernelSource = { file: 'arch/powerpc/kernel/module_64.c', symbol: 'apply_relocate_add' };
const restoreR2: KernelSource = { file: 'arch/powerpc/kernel/module_64.c', symbol: 'restore_r2' };
const finalize: KernelSource = { file: 'arch/powerpc/kernel/module.c', symbol: 'module_finalize' };

function never(source: KernelSource): readonly KernelSupport[] {
  return [{ state: 'no', source }];
}

// Bounds are those of the trees that were read: 5.10, 6.1, 6.12, 7.2 and 7.3, unless the release of a change is known.

const capabilities: readonly Capability[] = [
  {
    name: 'livepatch',
    title: 'Livepatching',
    kernels: [
      { applies: [{ before: '6.12' }], state: 'conditional', condition: 'MPROFILE_KERNEL', source: kconfig('HAVE_LIVEPATCH') },
      {
        applies: [{ since: '6.12' }],
        state: 'conditional',
        condition: 'MPROFILE_KERNEL or ARCH_USING_PATCHABLE_FUNCTION_ENTRY',
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
        condition: 'PPC_BOOK3S_64 and CPU_LITTLE_ENDIAN',
        source: kconfig('HAVE_RELIABLE_STACKTRACE'),
      },
      { applies: [{ since: '6.1' }], state: 'yes', source: kconfig('HAVE_RELIABLE_STACKTRACE') },
    ],
  },
  {
    name: 'klp-build',
    title: 'Livepatches built from source by klp-build',
    kernels: never({ file: 'kernel/livepatch/Kconfig', symbol: 'HAVE_KLP_BUILD' }),
  },
  {
    name: 'clear-relocations',
    title: 'Relocations are cleared when the target module goes',
    kernels: never({ file: 'kernel/livepatch/core.c', symbol: 'clear_relocate_add' }),
  },
  {
    name: 'late-text-relocations',
    title: 'Relocations into read-only code of a running module',
    kernels: [
      { applies: [{ before: '6.1' }], state: 'conditional', condition: 'module text is not write-protected', source: relocate },
      {
        applies: [{ since: '6.1' }],
        state: 'conditional',
        condition: 'branches only: R_PPC64_REL24, with PPC_KERNEL_PCREL also R_PPC64_REL24_NOTOC and R_PPC64_PCREL34',
        source: relocate,
      },
    ],
  },
  {
    name: 'reload-after-unload',
    title: 'The target module can be loaded again under an active livepatch',
    kernels: [
      {
        applies: [{ before: '6.3' }],
        state: 'conditional',
        condition: 'no call into the target module: the word after it is no longer a nop, which refuses the target with ENOEXEC',
        source: restoreR2,
      },
      {
        applies: [{ since: '6.3' }],
        state: 'conditional',
        condition: 'as long as .stubs has a free slot for each new address',
        source: restoreR2,
      },
    ],
  },
  { name: 'static-calls', title: 'Static calls', kernels: never(kconfig('HAVE_STATIC_CALL')) },
  { name: 'jump-labels', title: 'Jump labels', kernels: [{ state: 'yes', source: kconfig('HAVE_ARCH_JUMP_LABEL') }] },
  { name: 'alternatives', title: 'Alternatives in modules', kernels: never(finalize) },
  { name: 'feature-fixups', title: 'CPU, MMU and firmware feature fixups', kernels: [{ state: 'yes', source: finalize }] },
  {
    name: 'ftrace-call-sites',
    title: 'Function tracing in modules',
    kernels: [{ state: 'conditional', condition: 'DYNAMIC_FTRACE', source: kconfig('HAVE_DYNAMIC_FTRACE') }],
  },
  {
    name: 'ftrace-out-of-line-stubs',
    title: 'A stub of its own for each traced function',
    // Seen in 7.2, not in 6.12.
    kernels: [
      {
        applies: [{ since: '7.2' }],
        state: 'conditional',
        condition: 'PPC_FTRACE_OUT_OF_LINE',
        source: { file: 'arch/powerpc/kernel/module_64.c', symbol: 'setup_ftrace_ool_stubs' },
      },
    ],
  },
  {
    name: 'pc-relative-modules',
    title: 'Modules with pc-relative addressing instead of a TOC',
    kernels: [
      {
        applies: [{ since: '6.4' }],
        state: 'conditional',
        condition: 'PPC_KERNEL_PCREL',
        source: { file: 'arch/powerpc/platforms/Kconfig.cputype', symbol: 'PPC_KERNEL_PCREL' },
      },
    ],
  },
];

// klp-build: HAVE_KLP_BUILD is selected on x86-64 only. kpatch: special_sections[] and the lists of sections treated apart
// in kpatch-build/create-diff-object.c.
const tools: readonly ToolSupport[] = [
  { feature: 'livepatch', tool: 'klp-build', state: 'unsupported', note: 'objtool klp is built for x86-64 only' },
  {
    feature: 'R_PPC64_NONE',
    tool: 'klp-build',
    state: 'unsupported',
    note: 'objtool klp post-link leaves this type behind, which the loader refuses',
  },

  { feature: 'livepatch', tool: 'kpatch', state: 'supported', note: 'maintenance only since March 2026' },
  { feature: '__ftr_fixup', tool: 'kpatch', state: 'supported' },
  { feature: '__mmu_ftr_fixup', tool: 'kpatch', state: 'supported' },
  { feature: '__fw_ftr_fixup', tool: 'kpatch', state: 'supported' },
  { feature: '__lwsync_fixup', tool: 'kpatch', state: 'supported' },
  { feature: '__barrier_nospec_fixup', tool: 'kpatch', state: 'supported' },
  { feature: '.toc', tool: 'kpatch', state: 'supported', note: 'references are followed through the slot to what it holds' },
  { feature: '__ex_table', tool: 'kpatch', state: 'supported' },
  { feature: '__bug_table', tool: 'kpatch', state: 'supported' },
  {
    feature: '__jump_table',
    tool: 'kpatch',
    state: 'partial',
    note: 'a key in a module is an error, except those of tracepoints and dynamic debug: their entries are left out',
  },
  { feature: '__mcount_loc', tool: 'kpatch', state: 'regenerated', note: 'made anew for the changed functions' },
  {
    feature: '__patchable_function_entries',
    tool: 'kpatch',
    state: 'partial',
    note: 'since October 2024; PPC_FTRACE_OUT_OF_LINE broke builds in 2025',
  },
  { feature: '.printk_index', tool: 'kpatch', state: 'supported' },
  { feature: '__ksymtab', tool: 'kpatch', state: 'refused', note: 'changed exports are an error' },
  { feature: '__dyndbg', tool: 'kpatch', state: 'supported', note: 'always included' },
  { feature: '.data..percpu', tool: 'kpatch', state: 'refused', note: 'changed data is an error' },
  { feature: '.data..once', tool: 'kpatch', state: 'supported', note: 'static flags are treated apart' },
  { feature: '.klp.rela.*', tool: 'kpatch', state: 'supported', note: 'written by create-klp-module' },
  { feature: '.discard.*', tool: 'kpatch', state: 'dropped', note: 'ignored; a finished module has none' },
];

/** What ppc64le kernels and the livepatch tools support. */
export const support: Support = { capabilities, tools };
