import { finalizeStep, type Finalization, type KernelSource } from '@kelp/core';
import { applyAlternatives } from './alternatives.ts';
import { fillFtraceTrampolines } from './ftrace-trampolines.ts';
import { patchShadowCallStack } from './shadow-call-stack.ts';

const source: KernelSource = { file: 'arch/arm64/kernel/module.c', symbol: 'module_finalize' };
const ftraceSections = ['__patchable_function_entries'];

const alternatives = finalizeStep(
  'alternatives',
  ['.altinstructions'],
  'apply_alternatives_module',
  applyAlternatives,
);
const shadowCallStack = finalizeStep(
  'dynamic-shadow-call-stack',
  ['.init.eh_frame'],
  'scs_patch',
  patchShadowCallStack,
);
const ftracePlt = finalizeStep(
  'ftrace-plt',
  ['.text.ftrace_trampoline', '.init.text.ftrace_trampoline'],
  'module_init_ftrace_plt',
  fillFtraceTrampolines,
);

/** Alternatives come first: replaced code may be traced, and its shadow call stack is what the unwind tables describe. */
export const finalization: Finalization = [
  { applies: [{ before: '6.2' }], steps: [alternatives, ftracePlt], ftraceSections, source },
  { applies: [{ since: '6.2' }], steps: [alternatives, shadowCallStack, ftracePlt], ftraceSections, source },
];
