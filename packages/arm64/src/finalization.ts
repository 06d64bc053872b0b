import type { Finalization, FinalizationStep, KernelSource } from '@kelp/core';

const moduleFinalize: KernelSource = {
  file: 'arch/arm64/kernel/module.c',
  symbol: 'module_finalize',
};

/** post_relocation() of the generic loader, up to the call of module_finalize(). */
const beforeFinalize: readonly FinalizationStep[] = [
  {
    name: 'sort-exception-table',
    phase: 'post_relocation',
    sections: ['__ex_table'],
    function: 'sort_extable',
  },
  {
    name: 'per-cpu-template',
    phase: 'post_relocation',
    sections: ['.data..percpu'],
    function: 'percpu_modcopy',
  },
];

const alternatives: FinalizationStep = {
  name: 'alternatives',
  phase: 'post_relocation',
  sections: ['.altinstructions'],
  function: 'apply_alternatives_module',
};

const shadowCallStack: FinalizationStep = {
  name: 'dynamic-shadow-call-stack',
  phase: 'post_relocation',
  sections: ['.init.eh_frame'],
  function: 'scs_patch',
};

const ftracePlt: FinalizationStep = {
  name: 'ftrace-plt',
  phase: 'post_relocation',
  sections: ['.text.ftrace_trampoline', '.init.text.ftrace_trampoline'],
  function: 'module_init_ftrace_plt',
};

/** What the generic loader does afterwards with tables about code. */
const afterFinalize: readonly FinalizationStep[] = [
  {
    name: 'ftrace-call-sites',
    phase: 'ftrace',
    sections: ['__patchable_function_entries'],
    function: 'ftrace_module_init',
  },
  {
    name: 'bug-table',
    phase: 'complete_formation',
    sections: ['__bug_table'],
    function: 'module_bug_finalize',
  },
  {
    name: 'jump-labels',
    phase: 'coming',
    sections: ['__jump_table'],
    function: 'jump_label_add_module',
  },
];

/** Alternatives come first: replaced code may be traced, and its shadow call stack is what the unwind tables describe. */
export const finalization: Finalization = [
  {
    applies: [{ before: '6.2' }],
    order: 'listed',
    steps: [...beforeFinalize, alternatives, ftracePlt, ...afterFinalize],
    source: moduleFinalize,
  },
  {
    applies: [{ since: '6.2' }],
    order: 'listed',
    steps: [...beforeFinalize, alternatives, shadowCallStack, ftracePlt, ...afterFinalize],
    source: moduleFinalize,
  },
];
