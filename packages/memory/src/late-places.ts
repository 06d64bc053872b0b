import type { LateRecord, LoadedImage } from '@kelp/loader';

/** A place whose bytes depend on the state of livepatch relocations. */
export interface LatePlace {
  readonly address: bigint;
  /** Bytes in each of the states, in their order. */
  readonly bytes: readonly Uint8Array[];
}

/** Bytes of an entry of GOT, PLT or stubs that are looked at together: an address. */
const wordSize = 8;

/**
 * Places that tell states of a module apart: those of the relocations, and words of GOT, PLT and stubs. Memory that
 * only the loader writes tells it; other memory only where there is nothing else.
 *
 * @param images - the module in each of the states.
 */
export function latePlaces(
  records: readonly LateRecord[],
  images: readonly LoadedImage[],
): readonly LatePlace[] {
  const constant = records.filter(({ protection }) => protection === 'text' || protection === 'rodata');
  const found = constant.flatMap(({ address, reach }) => placeAt(address, reach, images));
  const covered = new Set<bigint>();
  for (const { address, reach } of records)
    for (let at = 0; at < reach; at++) covered.add(address + BigInt(at));
  const words = wordsThatDiffer(images)
    .filter(
      (address) =>
        !Array.from({ length: wordSize }, (_, at) => address + BigInt(at)).some((one) => covered.has(one)),
    )
    .flatMap((address) => placeAt(address, wordSize, images));
  if (found.length + words.length > 0) return [...found, ...words];
  return records.flatMap(({ address, reach }) => placeAt(address, reach, images));
}

/** Addresses of words in constant memory that are not the same in all images. */
function wordsThatDiffer([first, ...others]: readonly LoadedImage[]): readonly bigint[] {
  if (first === undefined) return [];
  const found = new Set<bigint>();
  for (const [index, { area, address, bytes }] of first.areas.entries()) {
    if (area.init) continue;
    for (const other of others) {
      const theirs = other.areas[index]?.bytes;
      for (let at = 0; at < bytes.length; at++) {
        if (bytes[at] === theirs?.[at]) continue;
        const word = address + BigInt(at - (at % wordSize));
        const protection = first.protection(word);
        if (protection === 'text' || protection === 'rodata') found.add(word);
      }
    }
  }
  return [...found];
}

/** The bytes from the first that differs to the last; nothing where all are the same. */
function placeAt(address: bigint, length: number, images: readonly LoadedImage[]): readonly LatePlace[] {
  const all = images.map((image) => image.read(address, length) ?? new Uint8Array());
  const [first, ...others] = all;
  const differs = (_: number, at: number): boolean => others.some((bytes) => bytes[at] !== first?.[at]);
  const offsets = Array.from({ length }, (_, at) => at);
  const start = offsets.findIndex(differs);
  if (start === -1) return [];
  const end = offsets.findLastIndex(differs) + 1;
  return [{ address: address + BigInt(start), bytes: all.map((bytes) => bytes.subarray(start, end)) }];
}
