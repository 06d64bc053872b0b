import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KelpError } from '@kelp/core';
import type { CapturedRange, CapturedSection } from './capture-json.ts';
import { fileFault, systemCode } from './file-fault.ts';
import { memorySource, type MemorySource } from './memory-source.ts';
import { RangeIndex } from './range-index.ts';

/** A range of addresses whose bytes are in one file of the folder. */
interface RecordedRange extends CapturedRange {
  /** Relative to the folder. */
  readonly file: string;
}

/**
 * The memory of a capture folder. A section's own file comes before a region that also covers it. Files are read when
 * their bytes are first asked for.
 *
 * Reading throws KelpError `memory/missing-part` if a file named by the folder is not there, `memory/truncated` if it
 * is shorter than the folder says, `memory/damaged-capture` if it is longer.
 */
export function captureMemory(
  folder: string,
  sections: ReadonlyMap<string, readonly CapturedSection[]>,
  regions: ReadonlyMap<string, readonly CapturedRange[]>,
): MemorySource {
  const sectionFiles = [...sections.values()].flat().flatMap(({ file, address, size }) => {
    return file === undefined ? [] : [{ file, address, size }];
  });
  const regionFiles = [...regions].flatMap(([module, ranges]) => {
    return ranges.map((range) => ({ ...range, file: regionFile(module, range.address) }));
  });
  const files = new RecordedFiles(folder);
  const layers = [sectionFiles, regionFiles].map((ranges) => ({ ranges, index: indexOf(ranges) }));

  return memorySource((address, length) => {
    // Where a layer has nothing, the next may have something up to the place where this one goes on.
    let end = address + BigInt(length);
    for (const { ranges, index } of layers) {
      const found = ranges[index.find(address) ?? -1];
      if (found !== undefined) return part(files.bytes(found), address - found.address, end - address);
      const next = index.nextStart(address);
      if (next !== undefined && next < end) end = next;
    }
    return { length: Number(end - address), absent: 'not-captured' };
  });
}

/** Where the bytes of a vmalloc area are, relative to the folder. */
function regionFile(module: string, address: bigint): string {
  return `memory/${module}/region-${address.toString(16).padStart(16, '0')}.bin`;
}

function part(bytes: Uint8Array, offset: bigint, length: bigint): Uint8Array {
  return bytes.subarray(Number(offset), Number(offset + length));
}

function indexOf(ranges: readonly RecordedRange[]): RangeIndex {
  return new RangeIndex(
    BigUint64Array.from(ranges, ({ address }) => address),
    BigUint64Array.from(ranges, ({ address, size }) => address + BigInt(size)),
  );
}

/** Files of the folder, each read once and checked against the size that the folder gives. */
class RecordedFiles {
  readonly #folder: string;
  readonly #read = new Map<string, Uint8Array>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  bytes({ file, size }: RecordedRange): Uint8Array {
    const known = this.#read.get(file);
    if (known !== undefined) return known;
    const path = join(this.#folder, file);
    const bytes = readPart(path);
    if (bytes.length !== size) {
      const code = bytes.length < size ? 'memory/truncated' : 'memory/damaged-capture';
      throw new KelpError(code, `the file has ${bytes.length} bytes, the capture says ${size}`, {
        file: path,
      });
    }
    this.#read.set(file, bytes);
    return bytes;
  }
}

function readPart(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileFault(error, path);
    throw new KelpError(
      'memory/missing-part',
      'the capture names this file, but it is not there',
      { file: path },
      { cause: error },
    );
  }
}
