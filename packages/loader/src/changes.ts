import type { LoadedImage } from './image.ts';

/** A run of bytes that changed. */
export interface ChangedBytes {
  readonly address: bigint;
  /** The section that it begins in; undefined for GOT and PLT in front of the text, and for padding. Untrusted. */
  readonly section: string | undefined;
  /** Bytes from the start of the section, or of the area where there is none. */
  readonly offset: number;
  readonly old: Uint8Array;
  readonly new: Uint8Array;
}

/**
 * What differs from how a module stood when its log had `count` writes, in the order of addresses in each area.
 * Something that was written and written back is no change.
 */
export function changesSince(image: LoadedImage, count: number): readonly ChangedBytes[] {
  const before = new Map<number, Map<number, number>>();
  for (const { area, offset, old } of image.log.writesSince(count)) {
    const bytes = before.get(area) ?? new Map<number, number>();
    before.set(area, bytes);
    // What stood there before the first of several writes counts.
    for (const [index, byte] of old.entries())
      if (!bytes.has(offset + index)) bytes.set(offset + index, byte);
  }
  return [...before].toSorted(([a], [b]) => a - b).flatMap(([area, bytes]) => runs(image, area, bytes));
}

function runs(image: LoadedImage, index: number, before: ReadonlyMap<number, number>): ChangedBytes[] {
  const placed = image.areas[index];
  if (placed === undefined) return [];
  const changed = [...before]
    .filter(([offset, byte]) => placed.bytes[offset] !== byte)
    .toSorted(([a], [b]) => a - b);
  const found: ChangedBytes[] = [];
  let start = 0;
  for (const [at, [offset]] of changed.entries()) {
    const next = changed[at + 1]?.[0];
    if (next === offset + 1) continue;
    const run = changed.slice(start, at + 1);
    start = at + 1;
    const first = run[0]?.[0] ?? 0;
    const section = placed.area.placements.findLast(
      (one) => first >= one.offset && first < one.offset + one.size,
    );
    found.push({
      address: placed.address + BigInt(first),
      section: section?.section.name,
      offset: first - (section?.offset ?? 0),
      old: Uint8Array.from(run, ([, byte]) => byte),
      new: placed.bytes.slice(first, first + run.length),
    });
  }
  return found;
}
