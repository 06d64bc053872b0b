import type { Check } from './evidence.ts';
import type { FeatureKind } from './feature.ts';

/** Version of the matrix format. */
export const matrixSchema = 1;

/** Whether the kernel has a feature. */
export interface KernelCell {
  readonly state: 'yes' | 'conditional' | 'no';
  /** Configuration or CPU that decides; with `conditional`. */
  readonly condition?: string;
  /** Relocation types only: the loader accepts it and does nothing. */
  readonly ignored?: true;
  /** Path in the source tree, and function where known. */
  readonly source?: string;
}

/** What a livepatch build tool does with a feature. */
export interface ToolCell {
  readonly tool: string;
  readonly state: string;
  readonly note?: string;
}

/** How often scanned modules use a feature. */
export interface UsageCell {
  /** Files that use it; where a pattern matches several section names, those that have the most frequent one. */
  readonly modules: number;
  /** Files scanned. */
  readonly of: number;
  /** Relocations or table entries; null where entries have no fixed size, or none of the sizes in the table. */
  readonly count: number | null;
}

/** One feature of one architecture in one kernel series. */
export interface MatrixCell {
  /** `6.12`. */
  readonly kernel: string;
  readonly support: KernelCell;
  readonly tools: readonly ToolCell[];
  /** Null where no census covers this kernel, and for capabilities. */
  readonly usage: UsageCell | null;
  /** What Kelp was shown to do, with evidence that is not stale. */
  readonly flags: readonly Check[];
  /** Something was checked and did not hold. */
  readonly contradicted: boolean;
}

export interface MatrixRow {
  readonly architecture: string;
  readonly feature: string;
  readonly kind: FeatureKind;
  readonly title: string;
  readonly cells: readonly MatrixCell[];
}

/** Something that modules use and that Kelp was not shown to cover, or that no row knows. */
export interface Gap {
  readonly architecture: string;
  readonly kernel: string;
  /** Feature ID, or the name of a section or relocation type that no row knows. Untrusted. */
  readonly name: string;
  readonly modules: number;
  readonly reason: string;
}

/** A release of a census that is in no column of the matrix. */
export interface OutsideRelease {
  readonly architecture: string;
  /** As in the census; `unknown` for files that name no kernel. Untrusted. */
  readonly release: string;
  /** Files of that release. */
  readonly modules: number;
}

/** Features x architectures x kernels. */
export interface CoverageMatrix {
  readonly schema: typeof matrixSchema;
  readonly kernels: readonly string[];
  readonly architectures: readonly { readonly id: string; readonly title: string }[];
  /** Used by scanned modules, not covered by evidence. */
  readonly uncovered: readonly Gap[];
  /** Special-looking sections and relocation types that no row knows. */
  readonly unknown: readonly Gap[];
  /** What was scanned and is not shown: files that name no kernel, and kernels that were not asked for. */
  readonly outside: readonly OutsideRelease[];
  readonly rows: readonly MatrixRow[];
}
