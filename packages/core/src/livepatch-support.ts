import type { Applicability } from './kernel.ts';
import type { KernelSource } from './relocation-type.ts';

/** How a relocation is stored into a module that already runs. */
export interface LateStore {
  readonly applies?: readonly Applicability[];
  /** Relocation type numbers; absent: all others. */
  readonly types?: readonly number[];
  /** The kernel function that stores, or `plain store`. */
  readonly function: string;
  /** It can write into read-only memory. */
  readonly readOnly: boolean;
  /** The place must be a multiple of this many bytes; absent: any. */
  readonly alignment?: number;
  /** What else a reader should know, such as stores that do not go this way. */
  readonly note?: string;
  readonly source: KernelSource;
}

/** A clear_relocate_add() that really clears. */
export interface ClearSupport {
  readonly applies?: readonly Applicability[];
  readonly source: KernelSource;
  /** What it does, in one or two sentences. */
  readonly effect: string;
}

/** How an architecture's kernel applies and clears relocations of a livepatch late. The first row that holds counts. */
export interface LivepatchSupport {
  readonly lateStores: readonly LateStore[];
  /** Absent: no kernel of this architecture clears. */
  readonly clear?: readonly ClearSupport[];
}
