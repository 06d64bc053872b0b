import type { Applicability, Capability, KernelSource, KernelSupport, Support } from '@kelp/core';

const kconfig = (symbol: string): KernelSource => ({ file: 'arch/loongarch/Kconfig', symbol });
const module = (symbol: string): KernelSource => ({ file: 'arch/loongarch/kernel/module.c', symbol });

// Seen in 6.12, not in 6.1.
const since612: readonly Applicability[] = [{ since: '6.12' }];

function under(condition: string, source: KernelSource): readonly KernelSupport[] {
  return [{ applies: since612, state: 'conditional', condition, source }];
}

const capabilities: readonly Capability[] = [
  { name: 'livepatch', title: 'Livepatching', kernels: under('LIVEPATCH', kconfig('HAVE_LIVEPATCH')) },
  {
    name: 'reliable-stacktrace',
    title: 'Reliable stack traces',
    kernels: under('UNWINDER_ORC', kconfig('HAVE_RELIABLE_STACKTRACE')),
  },
  {
    name: 'clear-relocations',
    title: 'Relocations are cleared when the target module goes',
    kernels: [{ state: 'no', source: module('apply_relocate_add') }],
  },
  {
    name: 'late-relocations',
    title: 'Late relocations in read-only text',
    kernels: [{ state: 'no', source: module('apply_relocate_add') }],
  },
  { name: 'static-calls', title: 'Static calls', kernels: [{ state: 'no', source: kconfig('HAVE_STATIC_CALL') }] },
  { name: 'jump-labels', title: 'Jump labels', kernels: under('JUMP_LABEL', kconfig('HAVE_ARCH_JUMP_LABEL')) },
  {
    name: 'alternatives',
    title: 'Alternatives in modules',
    kernels: [{ applies: since612, state: 'yes', source: module('module_finalize') }],
  },
  {
    name: 'ftrace-call-sites',
    title: 'Function tracing in modules',
    kernels: under('DYNAMIC_FTRACE', kconfig('HAVE_DYNAMIC_FTRACE')),
  },
  {
    name: 'module-plts',
    title: 'GOT and PLT of modules',
    kernels: [
      {
        state: 'yes',
        source: { file: 'arch/loongarch/kernel/module-sections.c', symbol: 'module_frob_arch_sections' },
      },
    ],
  },
];

/** What kernels and livepatch tools support: arch/loongarch/Kconfig and the tools' own lists. */
export const support: Support = {
  capabilities,
  tools: [
    { feature: 'livepatch', tool: 'klp-build', state: 'unsupported', note: 'objtool klp is built for x86-64 only.' },
    { feature: 'livepatch', tool: 'kpatch', state: 'unsupported', note: 'create-diff-object has no LoongArch.' },
  ],
};
