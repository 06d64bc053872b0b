import type { Applicability } from './kernel.ts';
import type { KernelSource } from './relocation-type.ts';
import type { Phase } from './special-section.ts';

/** One thing that a kernel does to a relocated module before it runs. */
export interface FinalizationStep {
  readonly name: string;
  readonly phase: Phase;
  /** Special sections it reads; a trailing `*` stands for any rest. Empty: it reads none. */
  readonly sections: readonly string[];
  /** The kernel function that does it. */
  readonly function: string;
}

/** The steps of module_finalize() in some kernels, in order. */
export interface FinalizationOrder {
  readonly applies?: readonly Applicability[];
  /** `listed`: in the order of `steps`, whatever the file. `section-header`: one pass over the file's sections. */
  readonly order: 'listed' | 'section-header';
  readonly steps: readonly FinalizationStep[];
  readonly source: KernelSource;
}

/** What an architecture's module_finalize() does, by kernel. */
export type Finalization = readonly FinalizationOrder[];
