import type { LinkageSlot, LoaderStateChange } from '@kelp/core';
import type { ChangedBytes } from './changes.ts';
import type { SectionRefusal } from './relocate.ts';

/** One record of a livepatch relocation section. */
export interface RelocationPlace {
  /** The section that it stands in. Untrusted. */
  readonly relocations: string;
  /** The section that it changes. Untrusted. */
  readonly section: string;
  /** Bytes from the start of that section. */
  readonly offset: number;
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Untrusted. */
  readonly symbol: string;
}

/** What came of applying the relocations of an object. `lost` were not written, and the kernel does not notice. */
export type LateOutcome = { readonly lost: readonly RelocationPlace[] } & (
  | { readonly status: 'applied' }
  /** The target module is refused, or enabling the livepatch fails. What was written before stays. */
  | ({ readonly status: 'refused' } & SectionRefusal)
  /** The kernel dies: a store to an address that it cannot write. What was written before is there. */
  | LateFaultOutcome
);

/** An access that the kernel does not survive. */
export interface LateFaultOutcome {
  readonly status: 'fault';
  readonly address: bigint;
  readonly reason: string;
  readonly place: RelocationPlace | undefined;
}

/** A field that does not hold what applying had written, so that it was left. */
export interface Mismatch extends RelocationPlace {
  readonly expected: bigint;
  readonly actual: bigint;
}

/** A slot of GOT or PLT that holds the address of an earlier load of its module. */
export interface Misdirected {
  readonly slot: LinkageSlot;
  /** The address that it should hold. */
  readonly wanted: bigint;
  /** A relocation that uses it. */
  readonly place: RelocationPlace;
}

/** What clearing changed. */
export interface Cleared {
  /** Whether the kernel has a clear_relocate_add() that does something. */
  readonly supported: boolean;
  readonly changes: readonly ChangedBytes[];
  /** Of the loader's memory of the module. */
  readonly state: readonly LoaderStateChange[];
  readonly mismatches: readonly Mismatch[];
  /** The kernel dies while it clears. */
  readonly fault?: LateFaultOutcome | undefined;
}

/** An application that did not come to its end. */
export type Failure =
  | Omit<LateOutcome & { readonly status: 'fault' }, 'lost'>
  | Omit<LateOutcome & { readonly status: 'refused' }, 'lost'>;
