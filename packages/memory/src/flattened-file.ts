import { KelpError } from '@kelp/core';
import { KernelView } from './kernel-reader.ts';
import { hex } from './memory-source.ts';
import type { RandomAccess } from './random-access-file.ts';
import { RangeIndex } from './range-index.ts';

/** struct makedumpfile_header: the signature, then type and version; all numbers are big-endian. */
const signature = 'makedumpfile';
const header = { size: 4096, type: 16, version: 24 };

/** struct makedumpfile_data_header: the place of the data that follows, and its size; -1 for both at the end. */
const dataHeaderSize = 16;
const endMark = -1n;

/** Whether the first bytes of a file are those of the flattened format. */
export function isFlattened(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, signature.length)).toString('latin1') === signature;
}

/**
 * Read a dump in the flattened format, which makedumpfile -F and QEMU up to 8.1 write: pieces of the dump, each with
 * its place, in the order in which they were written. A later piece replaces what it covers, and what no piece covers
 * is zero, as in the file that makedumpfile -R builds from it.
 *
 * @returns the dump as it would be after makedumpfile -R.
 * @throws KelpError `memory/truncated` if the end mark is missing, `memory/damaged-dump`.
 */
export function openFlattened(file: RandomAccess): RandomAccess {
  const start = new KernelView(file.read(0n, 32), 'big');
  if (start.length < 32 || start.u64(header.type) !== 1n || start.u64(header.version) !== 1n) {
    throw new KelpError('memory/damaged-dump', 'a flattened dump of unknown type or version', {
      file: file.path,
    });
  }
  const pieces = readPieces(file);
  const ends = pieces.starts.map((at, number) => at + (pieces.sizes[number] ?? 0n));
  const index = new RangeIndex(pieces.starts, ends);
  const size = ends.reduce((largest, end) => (end > largest ? end : largest), 0n);

  function read(position: bigint, length: number): Uint8Array {
    const rest = size - position;
    const bytes = new Uint8Array(rest <= 0n ? 0 : rest < length ? Number(rest) : length);
    for (let done = 0; done < bytes.length;) {
      const place = position + BigInt(done);
      const next = index.nextStart(place) ?? size;
      const number = index.findLatest(place);
      const end = number === undefined ? next : smaller(next, ends[number] ?? 0n);
      const count = Number(smaller(end - place, BigInt(bytes.length - done)));
      if (number !== undefined) {
        const within = place - (pieces.starts[number] ?? 0n);
        bytes.set(file.read((pieces.positions[number] ?? 0n) + within, count), done);
      }
      done += count;
    }
    return bytes;
  }

  return { path: file.path, size, read, close: () => file.close() };
}

/** Pieces in columns: their places in the dump, their sizes, and where the file has them. */
interface Pieces {
  readonly starts: BigUint64Array;
  readonly sizes: BigUint64Array;
  readonly positions: BigUint64Array;
}

function readPieces(file: RandomAccess): Pieces {
  const starts: bigint[] = [];
  const sizes: bigint[] = [];
  const positions: bigint[] = [];
  for (let position = BigInt(header.size); ;) {
    const bytes = file.read(position, dataHeaderSize);
    if (bytes.length < dataHeaderSize) break;
    const view = new KernelView(bytes, 'big');
    const [place, size] = [view.s64(0), view.s64(8)];
    if (place === endMark && size === endMark) {
      return {
        starts: BigUint64Array.from(starts),
        sizes: BigUint64Array.from(sizes),
        positions: BigUint64Array.from(positions),
      };
    }
    if (place < 0n || size <= 0n) {
      throw new KelpError(
        'memory/damaged-dump',
        `a piece of ${size} bytes for ${place} at ${hex(position)}`,
        { file: file.path },
      );
    }
    position += BigInt(dataHeaderSize);
    starts.push(place);
    sizes.push(size);
    positions.push(position);
    position += size;
    if (position > file.size) break;
  }
  throw new KelpError('memory/truncated', 'the flattened dump has no end mark: it is not complete', {
    file: file.path,
  });
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
