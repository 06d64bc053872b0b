import type { LoadedModule as PredictedModule } from '@kelp/loader';
import type { ReadMemory } from './inference.ts';

/** Everything that is known about one place of a module. */
export interface ExplainedAddress {
  readonly address: bigint;
  /** Untrusted. */
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

/** Explain the bytes at an address; undefined where it does not belong to the module. */
export function explainAddress(
  { image }: PredictedModule,
  read: ReadMemory,
  address: bigint,
): ExplainedAddress | undefined {
  const section = image.sections.find(
    (one) => address >= one.address && address < one.address + BigInt(one.size),
  );
  if (section === undefined) return undefined;
  const aligned = address - (address % 16n);
  const start = aligned > section.address ? aligned : section.address;
  const end = section.address + BigInt(section.size);
  const length = Number(end - start < 16n ? end - start : 16n);
  const offset = Number(start - section.address);
  const area = image.areas.findIndex(
    (one) => address >= one.address && address < one.address + BigInt(one.bytes.length),
  );
  const place = Number(address - (image.areas[area]?.address ?? 0n));
  const writes = [...image.log.writes()].filter(
    (one) => one.area === area && place >= one.offset && place < one.offset + one.length,
  );
  const bytes = image.object.sections[section.index]?.bytes;
  return {
    address,
    section: section.name,
    offset: Number(address - section.address),
    start,
    file: bytes === undefined || bytes.length === 0 ? undefined : bytes.slice(offset, offset + length),
    predicted: image.read(start, length) ?? new Uint8Array(),
    memory: read(start, length),
    writes: writes.map(({ cause }) => cause),
  };
}
