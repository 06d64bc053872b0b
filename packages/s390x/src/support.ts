import type { Capability, KernelSource, KernelSupport, Support, ToolSupport } from '@kelp/core';

const kconfig = (symbol: string): KernelSource => ({ file: 'arch/s390/Kconfig', symbol });
const moduleLoader = (symbol: string): KernelSource => ({ file: 'arch/s390/kernel/module.c', symbol });

function always(source: KernelSource): readonly KernelSupport[] {
  return [{ state: 'yes', source }];
}

function never(source: KernelSource): readonly KernelSupport[] {
  return [{ state: 'no', source }];
}

// Bounds are those of the trees that were read: 5.10, 6.1, 6.12, 7.2 and 7.3.

const capabilities: readonly Capability[] = [
  { name: 'livepatch', title: 'Livepatching', kernels: always(kconfig('HAVE_LIVEPATCH')) },
  { name: 'reliable-stacktrace', title: 'Reliable stack traces', kernels: always(kconfig('HAVE_RELIABLE_STACKTRACE')) },
  { name: 'klp-build', title: 'klp-build', kernels: never({ file: 'kernel/livepatch/Kconfig', symbol: 'HAVE_KLP_BUILD' }) },
  {
    name: 'clear-relocations',
    title: 'Clearing the relocations of a target module that goes away',
    kernels: never({ file: 'kernel/livepatch/core.c', symbol: 'clear_relocate_add' }),
  },
  {
    name: 'late-text-relocations',
    title: 'Late relocations in read-only text',
    kernels: always(moduleLoader('apply_relocate_add')),
  },
  {
    name: 'reload-after-unload',
    title: 'Relocating again when the target module comes back',
    kernels: [
      {
        state: 'conditional',
        condition: 'relocations without GOT slot and PLT entry only: those keep the old address, and nothing reports it',
        source: moduleLoader('apply_rela'),
      },
    ],
  },
  { name: 'static-calls', title: 'Static calls', kernels: never(kconfig('HAVE_STATIC_CALL')) },
  { name: 'jump-labels', title: 'Jump labels', kernels: always(kconfig('HAVE_ARCH_JUMP_LABEL_RELATIVE')) },
  { name: 'alternatives', title: 'Alternatives', kernels: always(moduleLoader('module_finalize')) },
  {
    name: 'ftrace-call-sites',
    title: 'ftrace call sites in modules',
    kernels: [{ state: 'conditional', condition: 'DYNAMIC_FTRACE', source: kconfig('HAVE_DYNAMIC_FTRACE') }],
  },
  {
    name: 'ftrace-trampolines',
    title: 'A trampoline of its own for each traced function',
    // Seen in 6.1, not in 5.10.
    kernels: [
      {
        applies: [{ since: '6.1' }],
        state: 'conditional',
        condition: 'FUNCTION_TRACER; used by CPUs without the sequential-instruction facility',
        source: moduleLoader('module_alloc_ftrace_hotpatch_trampolines'),
      },
    ],
  },
  { name: 'module-plts', title: 'GOT and PLT of modules', kernels: always(moduleLoader('module_frob_arch_sections')) },
  {
    name: 'expoline-sites',
    title: 'Expolines that can be turned off',
    kernels: [{ state: 'conditional', condition: 'EXPOLINE', source: moduleLoader('module_finalize') }],
  },
  {
    name: 'stack-protector-sites',
    title: 'Stack protector with its canary in the lowcore',
    // Seen in 7.2, not in 6.12.
    kernels: [
      {
        applies: [{ since: '7.2' }],
        state: 'conditional',
        condition: 'STACKPROTECTOR',
        source: { file: 'arch/s390/kernel/stackprotector.c', symbol: '__stack_protector_apply' },
      },
    ],
  },
];

// klp-build: HAVE_KLP_BUILD is selected on x86-64 only. kpatch: the special sections of create-diff-object.
const tools: readonly ToolSupport[] = [
  { feature: 'livepatch', tool: 'klp-build', state: 'unsupported', note: 'objtool klp is built for x86-64 only.' },

  { feature: 'livepatch', tool: 'kpatch', state: 'supported', note: 'On s390x since 2022.' },
  { feature: '.altinstructions', tool: 'kpatch', state: 'supported' },
  { feature: '.altinstr_replacement', tool: 'kpatch', state: 'supported', note: 'Copied whole with any alternative.' },
  { feature: '__bug_table', tool: 'kpatch', state: 'supported' },
  { feature: '__ex_table', tool: 'kpatch', state: 'supported' },
  { feature: '.fixup', tool: 'kpatch', state: 'supported' },
  {
    feature: '__jump_table',
    tool: 'kpatch',
    state: 'partial',
    note: 'Keys of the kernel image only; entries of tracepoints and dynamic debug in modules are dropped, other keys in modules refused.',
  },
  { feature: '.printk_index', tool: 'kpatch', state: 'supported' },
  { feature: '.s390_indirect_branches', tool: 'kpatch', state: 'supported' },
  { feature: '.s390_indirect_jump', tool: 'kpatch', state: 'supported' },
  { feature: '.s390_indirect_call', tool: 'kpatch', state: 'supported' },
  { feature: '.s390_return_mem', tool: 'kpatch', state: 'supported' },
  { feature: '.s390_return_reg', tool: 'kpatch', state: 'supported' },
  {
    feature: '__stack_protector_loc',
    tool: 'kpatch',
    applies: [{ since: '7.2' }],
    state: 'unsupported',
    note: 'Not among its special sections.',
  },
  { feature: '__mcount_loc', tool: 'kpatch', state: 'regenerated', note: 'Made for the functions that changed.' },
  { feature: '.data..percpu', tool: 'kpatch', state: 'refused', note: 'Changed data.' },
  { feature: '.data..once', tool: 'kpatch', state: 'supported', note: 'Copied with the function that uses it.' },
  { feature: '__dyndbg', tool: 'kpatch', state: 'supported', note: 'Copied with the function that uses it.' },
  { feature: '__ksymtab', tool: 'kpatch', state: 'refused', note: 'Changed exports.' },
  { feature: '.klp.rela.*', tool: 'kpatch', state: 'supported', note: 'Written by create-klp-module.' },
];

export const support: Support = { capabilities, tools };
