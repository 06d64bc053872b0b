import { KelpError } from '@kelp/core';

/**
 * Why bytes cannot be had.
 *
 * - `not-mapped`: no page table entry, or no part of the source, covers the address.
 * - `not-captured`: the address exists, but whoever made the capture did not record it.
 * - `excluded`: a dump filter (makedumpfile -d) left the page out.
 * - `truncated`: the file ends before the place where the bytes should be.
 * - `damaged`: the recorded data cannot be unpacked.
 */
export type Absence = 'not-mapped' | 'not-captured' | 'excluded' | 'truncated' | 'damaged';

/** Bytes that a source has. They may be a view of a cache: do not write to them. */
export interface PresentPiece {
  readonly address: bigint;
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** A range that a source does not have. */
export interface AbsentPiece {
  readonly address: bigint;
  /** In bytes. */
  readonly length: number;
  readonly absent: Absence;
}

/** A part of a range of memory, with its bytes or with the reason why there are none. */
export type MemoryPiece = PresentPiece | AbsentPiece;

/** Memory of one kernel by address: virtual, or physical where a name says so. Absent bytes are never made up. */
export interface MemorySource {
  /** `length` bytes from `address`, or undefined where any of them is absent. */
  read(address: bigint, length: number): Uint8Array | undefined;
  /** The whole range in address order without overlap: what is there, and why the rest is not. */
  pieces(address: bigint, length: number): readonly MemoryPiece[];
}

/** A range at the start of which nothing can be read. */
export interface Gap {
  /** In bytes, at least 1. May reach beyond the range asked for. */
  readonly length: number;
  readonly absent: Absence;
}

/**
 * What a kind of source says about the start of a range: its first bytes (at least one, at most `length`), or how long
 * nothing can be read. `length` is at least 1 and the range ends within 64 bits.
 */
export type ReadStart = (address: bigint, length: number) => Uint8Array | Gap;

/** The largest range that can be asked for at once: 1 GiB. */
const largestRange = 2 ** 30;

/** Make a source from what it says about the start of any range. */
export function memorySource(start: ReadStart): MemorySource {
  function pieces(address: bigint, length: number): MemoryPiece[] {
    checkRange(address, length);
    const found: MemoryPiece[] = [];
    for (let done = 0; done < length;) {
      const place = address + BigInt(done);
      const piece = firstPiece(start(place, length - done), place, length - done);
      const last = found.at(-1);
      if (last !== undefined && 'absent' in last && 'absent' in piece && last.absent === piece.absent) {
        found[found.length - 1] = { ...last, length: last.length + piece.length };
      } else {
        found.push(piece);
      }
      done += piece.length;
    }
    return found;
  }

  function read(address: bigint, length: number): Uint8Array | undefined {
    checkRange(address, length);
    if (length === 0) return new Uint8Array(0);
    const first = start(address, length);
    if (!(first instanceof Uint8Array)) return undefined;
    if (first.length >= length) return first;

    const bytes = new Uint8Array(length);
    bytes.set(first);
    for (let done = first.length; done < length;) {
      const next = start(address + BigInt(done), length - done);
      if (!(next instanceof Uint8Array)) return undefined;
      bytes.set(next, done);
      done += next.length;
    }
    return bytes;
  }

  return { read, pieces };
}

function firstPiece(start: Uint8Array | Gap, address: bigint, length: number): MemoryPiece {
  if (start instanceof Uint8Array) return { address, length: start.length, bytes: start };
  return { address, length: Math.min(start.length, length), absent: start.absent };
}

function checkRange(address: bigint, length: number): void {
  const valid = Number.isInteger(length) && length >= 0 && length <= largestRange;
  if (valid && address >= 0n && address + BigInt(length) <= 1n << 64n) return;
  const message = `cannot read ${length} bytes at ${hex(address)}: expected up to 1 GiB within 64 bits`;
  throw new KelpError('memory/range', message);
}

/** An address or another number as people write it: `0xffffffffc0458000`. */
export function hex(value: bigint | number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** The sources one after the other: the first that has a byte gives it. */
export function layered(first: MemorySource, second: MemorySource): MemorySource {
  return memorySource((address, length) => {
    const [front] = first.pieces(address, length);
    if (front === undefined || 'bytes' in front) return front?.bytes ?? new Uint8Array(0);
    const [back] = second.pieces(address, front.length);
    return back !== undefined && 'bytes' in back
      ? back.bytes
      : { length: back?.length ?? front.length, absent: front.absent };
  });
}
