import type { Finalization, FinalizationOrder, FinalizationStep } from '@kelp/core';

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

/** The first thing that module_finalize() does; with EXPOLINE, for a module that has a PLT. Reads no section. */
const expolineThunk: FinalizationStep = {
  name: 'expoline-thunk',
  phase: 'post_relocation',
  sections: [],
  function: 'module_finalize',
};

// What the loop of module_finalize() does with a section of that name, whenever it comes to one.

const alternatives: FinalizationStep = {
  name: 'alternatives',
  phase: 'post_relocation',
  sections: ['.altinstructions'],
  function: 'apply_alternatives',
};

const expolines: FinalizationStep = {
  name: 'expolines',
  phase: 'post_relocation',
  sections: ['.s390_indirect*', '.s390_return*'],
  function: 'nospec_revert',
};

const trampolines: FinalizationStep = {
  name: 'ftrace-trampolines',
  phase: 'post_relocation',
  sections: ['__mcount_loc'],
  function: 'module_alloc_ftrace_hotpatch_trampolines',
};

const stackProtector: FinalizationStep = {
  name: 'stack-protector',
  phase: 'post_relocation',
  sections: ['__stack_protector_loc*'],
  function: 'stack_protector_apply',
};

/** Behind the loop. */
const jumpLabelNops: FinalizationStep = {
  name: 'jump-label-nops',
  phase: 'post_relocation',
  sections: ['__jump_table'],
  function: 'jump_label_apply_nops',
};

/** Generic code, after module_finalize(). */
const after: readonly FinalizationStep[] = [
  { name: 'ftrace-call-sites', phase: 'ftrace', sections: ['__mcount_loc'], function: 'ftrace_process_locs' },
  {
    name: 'bug-table',
    phase: 'complete_formation',
    sections: ['__bug_table'],
    function: 'module_bug_finalize',
  },
  { name: 'jump-labels', phase: 'coming', sections: ['__jump_table'], function: 'jump_label_add_module' },
];

/** module_finalize() walks the section headers once and looks at each name; the steps before and after it are in order. */
const inHeaderOrder: Pick<FinalizationOrder, 'order' | 'source'> = {
  order: 'section-header',
  source: { file: 'arch/s390/kernel/module.c', symbol: 'module_finalize' },
};

export const finalization: Finalization = [
  {
    ...inHeaderOrder,
    applies: [{ before: '6.1' }],
    steps: [...before, expolineThunk, alternatives, expolines, jumpLabelNops, ...after],
  },
  {
    // Trampolines, and no more nops for jump labels: seen in 6.1, not in 5.10.
    ...inHeaderOrder,
    applies: [{ since: '6.1', before: '7.2' }],
    steps: [...before, expolineThunk, alternatives, expolines, trampolines, ...after],
  },
  {
    // Stack protector: seen in 7.2, not in 6.12.
    ...inHeaderOrder,
    applies: [{ since: '7.2' }],
    steps: [...before, expolineThunk, alternatives, expolines, stackProtector, trampolines, ...after],
  },
];
