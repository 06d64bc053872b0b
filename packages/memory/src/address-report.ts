import type { LoadedModule as PredictedModule, PlacedArea } from '@kelp/loader';
import type { ReadMemory } from './inference.ts';

/** Everything that is known about one place of a module. */
export interface ExplainedAddress {
  readonly address: bigint;
  /** Untrusted; `[GOT and PLT]` for what the loader built in front of the text sections. */
  readonly section: string;
  readonly offset: number;
  /** Bytes around the place: 16 from the last multiple of 16 on. */
  readonly start: bigint;
  readonly file: Uint8Array | undefined;
  readonly predicted: Uint8Array;
  readonly memory: Uint8Array | undefined;
  /** Causes of the writes to the place, in order. */
  readonly writes: readonly string[];
}

/** Explain the bytes at an address; undefined where no section that stays after init is there. */
export function explainAddress(
  { image }: PredictedModule,
  read: ReadMemory,
  address: bigint,
): ExplainedAddress | undefined {
  const index = image.areas.findIndex(
    (one) => !one.area.init && address >= one.address && address < one.address + BigInt(one.bytes.length),
  );
  const area = image.areas[index];
  if (area === undefined) return undefined;
  const place = Number(address - area.address);
  const found = area.area.placements.find(({ offset, size }) => place >= offset && place < offset + size);
  const range = found ?? textPrefix(area, place);
  if (range === undefined) return undefined;
  // The multiple of 16 at or before the place, but not before the section.
  const start = Math.max(place - Number(address % 16n), range.offset);
  const end = Math.min(start + 16, range.offset + range.size);
  const writes = [...image.log.writes()].filter(
    (one) => one.area === index && place >= one.offset && place < one.offset + one.length,
  );
  const bytes = found === undefined || found.noBits ? undefined : found.section.bytes;
  return {
    address,
    section: found?.section.name ?? '[GOT and PLT]',
    offset: place - range.offset,
    start: area.address + BigInt(start),
    file: bytes?.slice(start - range.offset, end - range.offset),
    predicted: area.bytes.slice(start, end),
    memory: read(area.address + BigInt(start), end - start),
    writes: writes.map(({ cause }) => cause),
  };
}

/** What the loader built in front of the first section of the text. */
function textPrefix({ area }: PlacedArea, place: number): { offset: number; size: number } | undefined {
  const first = Math.min(...area.placements.map(({ offset }) => offset));
  const isText = area.name === 'text' || area.name === 'core';
  return isText && place < first ? { offset: 0, size: first } : undefined;
}
