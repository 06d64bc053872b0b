import {
  finalizeStep,
  type Finalization,
  type FinalizationStep,
  type KernelSource,
  type ModuleImage,
  type PatchStep,
  type PlacedSection,
  type Refusal,
} from '@kelp/core';
import { applyAlternatives } from './alternatives.ts';
import { revertExpolines, writeThunk } from './expolines.ts';
import { applyStackProtector } from './stack-protector.ts';

// module_finalize() makes the expoline thunk, then walks the section headers once and looks at each name.

const source: KernelSource = { file: 'arch/s390/kernel/module.c', symbol: 'module_finalize' };
const ftraceSections = ['__mcount_loc'];

/** With EXPOLINE, for a module that has a PLT. */
const expolineThunk = finalizeStep('expoline-thunk', [], 'module_finalize', writeThunk);

/** What the loop does with a section of that name, whenever it comes to one. */
function inLoop(
  name: string,
  sections: readonly string[],
  kernelFunction: string,
  patch?: SectionPatch,
): FinalizationStep {
  const step = finalizeStep(
    name,
    sections,
    kernelFunction,
    patch === undefined ? undefined : forSection(patch),
  );
  return { ...step, inHeaderOrder: true };
}

type SectionPatch = (image: ModuleImage, section: PlacedSection) => Refusal | undefined;

function forSection(patch: SectionPatch): PatchStep {
  return (image, section) => (section === undefined ? undefined : patch(image, section));
}

const alternatives = inLoop('alternatives', ['.altinstructions'], 'apply_alternatives', applyAlternatives);
const expolines = inLoop(
  'expoline-sites',
  ['.s390_indirect*', '.s390_return*'],
  'nospec_revert',
  revertExpolines,
);
const stackProtector = inLoop(
  'stack-protector-sites',
  ['__stack_protector_loc*'],
  'stack_protector_apply',
  applyStackProtector,
);
/** Writes nothing into the module: where the trampolines are is seen at the ftrace call sites. */
const trampolines = inLoop(
  'ftrace-trampolines',
  ['__mcount_loc'],
  'module_alloc_ftrace_hotpatch_trampolines',
);

/** Behind the loop. What it writes is overwritten when the jump labels get their state. */
const jumpLabelNops = finalizeStep('jump-label-nops', ['__jump_table'], 'jump_label_apply_nops');

export const finalization: Finalization = [
  {
    applies: [{ before: '6.1' }],
    steps: [expolineThunk, alternatives, expolines, jumpLabelNops],
    ftraceSections,
    source,
  },
  {
    // Trampolines, and no more nops for jump labels: seen in 6.1, not in 5.10.
    applies: [{ since: '6.1', before: '7.2' }],
    steps: [expolineThunk, alternatives, expolines, trampolines],
    ftraceSections,
    source,
  },
  {
    // Stack protector: seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    steps: [expolineThunk, alternatives, expolines, stackProtector, trampolines],
    ftraceSections,
    source,
  },
];
