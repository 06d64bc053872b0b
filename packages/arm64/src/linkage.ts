import type { Applicability, KernelSource, Linkage } from '@kelp/core';
import { initTrampolines } from './ftrace-trampolines.ts';
import { planPlts } from './plt-planning.ts';

const countPlts: KernelSource = {
  file: 'arch/arm64/kernel/module-plts.c',
  symbol: 'module_frob_arch_sections',
};
const initFtracePlt: KernelSource = {
  file: 'arch/arm64/kernel/module.c',
  symbol: 'module_init_ftrace_plt',
};

/** 6.5 made ARM64_MODULE_PLTS part of every kernel. */
const withPlts: readonly Applicability[] = [
  { before: '6.5', config: { ARM64_MODULE_PLTS: true } },
  { since: '6.5' },
];

/** What the loader builds beside a module: PLT entries for branches out of reach, and trampolines for ftrace. */
export const linkage: Linkage = {
  letters: {
    // The attempt to branch directly comes first; the PLT entry is made when its range check fails.
    D: {
      meaning:
        'where a branch goes: S + A, or, where that is more than 128 MiB away from P, ' +
        'the entry for S + A that module_emit_plt_entry() makes in .plt, or in .init.plt if P lies in init memory',
      direct: 'S + A',
    },
  },
  requiredSections: [
    { name: '.plt', applies: withPlts, errno: 'ENOEXEC', source: countPlts },
    { name: '.init.plt', applies: withPlts, errno: 'ENOEXEC', source: countPlts },
    {
      name: '.text.ftrace_trampoline',
      applies: [
        { before: '6.5', config: { ARM64_MODULE_PLTS: true, DYNAMIC_FTRACE: true } },
        { since: '6.5', config: { DYNAMIC_FTRACE: true } },
      ],
      errno: 'ENOEXEC',
      source: initFtracePlt,
    },
    {
      name: '.init.text.ftrace_trampoline',
      applies: initTrampolines.map((range) => ({ ...range, config: { DYNAMIC_FTRACE: true } })),
      errno: 'ENOEXEC',
      source: initFtracePlt,
    },
  ],
  plan: planPlts,
};
