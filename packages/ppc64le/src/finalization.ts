import type { Finalization, FinalizationStep, KernelSource } from '@kelp/core';

const source: KernelSource = { file: 'arch/powerpc/kernel/module.c', symbol: 'module_finalize' };

/** Generic code, before module_finalize(). */
const before: readonly FinalizationStep[] = [
  { name: 'exception-table', phase: 'post_relocation', sections: ['__ex_table'], function: 'sort_extable' },
  {
    name: 'per-cpu-template',
    phase: 'post_relocation',
    sections: ['.data..percpu'],
    function: 'percpu_modcopy',
  },
];

/** module_finalize() after its first step. The speculation barriers of modules have another name and are never found. */
const fixups: readonly FinalizationStep[] = [
  {
    name: 'cpu-feature-fixups',
    phase: 'post_relocation',
    sections: ['__ftr_fixup', '__ftr_alt_*'],
    function: 'do_feature_fixups',
  },
  {
    name: 'mmu-feature-fixups',
    phase: 'post_relocation',
    sections: ['__mmu_ftr_fixup', '__ftr_alt_*'],
    function: 'do_feature_fixups',
  },
  {
    name: 'firmware-feature-fixups',
    phase: 'post_relocation',
    sections: ['__fw_ftr_fixup', '__ftr_alt_*'],
    function: 'do_feature_fixups',
  },
  {
    name: 'speculation-barriers',
    phase: 'post_relocation',
    sections: ['__spec_barrier_fixup'],
    function: 'do_barrier_nospec_fixups_range',
  },
  {
    name: 'lwsync-fixups',
    phase: 'post_relocation',
    sections: ['__lwsync_fixup'],
    function: 'do_lwsync_fixups',
  },
];

/** Generic code, after module_finalize(). */
const after: readonly FinalizationStep[] = [
  {
    name: 'bug-table',
    phase: 'complete_formation',
    sections: ['__bug_table'],
    function: 'module_bug_finalize',
  },
  { name: 'jump-labels', phase: 'coming', sections: ['__jump_table'], function: 'jump_label_add_module' },
];

/** Stubs for ftrace_caller and ftrace_regs_caller, the first thing that module_finalize() does. */
function ftraceStubs(...sections: readonly string[]): FinalizationStep {
  return { name: 'ftrace-stubs', phase: 'post_relocation', sections, function: 'module_finalize_ftrace' };
}

/** ftrace_module_init() turns call sites into nops. */
function ftraceSites(...sections: readonly string[]): FinalizationStep {
  return { name: 'ftrace-call-sites', phase: 'ftrace', sections, function: 'ftrace_process_locs' };
}

export const finalization: Finalization = [
  {
    applies: [{ before: '6.12' }],
    order: 'listed',
    steps: [...before, ftraceStubs('.stubs'), ...fixups, ftraceSites('__mcount_loc'), ...after],
    source,
  },
  {
    // Patchable function entries: seen in 6.12, not in 6.1.
    applies: [{ since: '6.12', before: '7.2' }],
    order: 'listed',
    steps: [
      ...before,
      ftraceStubs('.stubs'),
      ...fixups,
      ftraceSites('__patchable_function_entries', '__mcount_loc'),
      ...after,
    ],
    source,
  },
  {
    // setup_ftrace_ool_stubs() sets a stub aside for each function: seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    order: 'listed',
    steps: [
      ...before,
      ftraceStubs('.stubs', '__patchable_function_entries'),
      ...fixups,
      ftraceSites('__patchable_function_entries', '__mcount_loc'),
      ...after,
    ],
    source,
  },
];
