import type { Linker } from '@kelp/core';
import type { Misdirected, RelocationPlace } from './late-outcome.ts';
import type { AppliedRecord } from './late-stores.ts';

/** A record that was applied late, with its place. */
export interface AppliedPlace {
  readonly record: AppliedRecord;
  readonly place: RelocationPlace;
}

/**
 * Slots of GOT and PLT that records use, but that hold another address than the symbol has. Which slots a record uses is
 * asked of the linker: all that are filled, without those that would be unused if there were no other record.
 */
export function misdirectedSlots(linker: Linker, applied: Iterable<AppliedPlace>): readonly Misdirected[] {
  const filled = (linker.unused?.([]) ?? []).filter(({ kind }) => kind === 'got' || kind === 'plt');
  const found = new Map<bigint, Misdirected>();
  for (const { record, place } of applied) {
    const { relocation, letters } = record;
    const { S, A } = relocation;
    // A branch that reaches its symbol does not go through the entry.
    if (letters === undefined || letters['D'] === S) continue;
    const suspects = filled.filter(({ target }) => target !== S && target !== S + A);
    if (suspects.length === 0) continue;
    const others = new Set((linker.unused?.([relocation]) ?? []).map(({ address }) => address));
    for (const slot of suspects)
      if (!others.has(slot.address)) found.set(slot.address, { slot, wanted: S, place });
  }
  return [...found.values()];
}
