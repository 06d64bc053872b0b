import type { Applicability } from './kernel.ts';
import type { ModuleImage, PlacedSection } from './module-image.ts';
import type { KernelSource, Refusal } from './relocation-type.ts';
import type { Phase } from './special-section.ts';

/** One thing that a kernel does to a relocated module before it runs. */
export interface FinalizationStep {
  readonly name: string;
  readonly phase: Phase;
  /** Special sections it reads; a trailing `*` stands for any rest. Empty: it reads none. */
  readonly sections: readonly string[];
  /** The kernel function that does it. */
  readonly function: string;
  /** Neighboring steps with this mark are one pass over the section headers: each runs whenever the pass meets one of its sections. */
  readonly inHeaderOrder?: true;
  /** What it does, as code; absent: the step is known but not simulated. */
  readonly patch?: PatchStep;
}

/**
 * Does to the memory of a module what the kernel's function does. Refuses the load with an errno where that does.
 *
 * @param section - the section that a pass over the section headers has come to; absent for other steps.
 */
export type PatchStep = (image: ModuleImage, section?: PlacedSection) => Refusal | undefined;

/** What an architecture's module_finalize() does in some kernels. */
export interface FinalizationOrder {
  readonly applies?: readonly Applicability[];
  /** In order. What generic code does before and after stands in {@link finalizationSteps}. */
  readonly steps: readonly FinalizationStep[];
  /** The sections that list ftrace call sites. */
  readonly ftraceSections: readonly string[];
  readonly source: KernelSource;
}

/** What an architecture's module_finalize() does, by kernel. */
export type Finalization = readonly FinalizationOrder[];

/** A step of module_finalize(). */
export function finalizeStep(
  name: string,
  sections: readonly string[],
  kernelFunction: string,
  patch?: PatchStep,
): FinalizationStep {
  return {
    name,
    phase: 'post_relocation',
    sections,
    function: kernelFunction,
    ...(patch === undefined ? {} : { patch }),
  };
}

/** All steps from the sorted exception table to static calls: post_relocation() to prepare_coming_module(). */
export function finalizationSteps({ steps, ftraceSections }: FinalizationOrder): readonly FinalizationStep[] {
  return [
    finalizeStep('sort-exception-table', ['__ex_table'], 'sort_extable'),
    finalizeStep('per-cpu-template', ['.data..percpu'], 'percpu_modcopy'),
    ...steps,
    { name: 'ftrace-call-sites', phase: 'ftrace', sections: ftraceSections, function: 'ftrace_process_locs' },
    {
      name: 'bug-table',
      phase: 'complete_formation',
      sections: ['__bug_table'],
      function: 'module_bug_finalize',
    },
    {
      name: 'cfi-traps',
      phase: 'complete_formation',
      sections: ['__kcfi_traps'],
      function: 'module_cfi_finalize',
    },
    { name: 'jump-labels', phase: 'coming', sections: ['__jump_table'], function: 'jump_label_add_module' },
    {
      name: 'static-calls',
      phase: 'coming',
      sections: ['.static_call_sites'],
      function: 'static_call_add_module',
    },
  ];
}
