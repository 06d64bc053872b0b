import { finalizeStep, type Finalization, type KernelSource } from '@kelp/core';

const source: KernelSource = { file: 'arch/loongarch/kernel/module.c', symbol: 'module_finalize' };

/** What module_finalize() does, by kernel; what the steps write is not simulated. */
export const finalization: Finalization = [
  // The weak function of kernel/module/main.c, which does nothing.
  {
    applies: [{ before: '6.12' }],
    steps: [],
    ftraceSections: [],
    source: { ...source, file: 'kernel/module/main.c' },
  },
  {
    applies: [{ since: '6.12' }],
    steps: [
      finalizeStep('alternatives', ['.altinstructions', '.altinstr_replacement'], 'apply_alternatives'),
      finalizeStep('orc-unwind-tables', ['.orc_unwind_ip', '.orc_unwind'], 'unwind_module_init'),
      finalizeStep('ftrace-plt', ['.ftrace_trampoline'], 'module_init_ftrace_plt'),
    ],
    ftraceSections: ['__patchable_function_entries'],
    source,
  },
];
