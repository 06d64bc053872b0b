import { KelpError, type ByteOrder } from '@kelp/core';
import { parseNotes, type ElfNote } from './elf-notes.ts';
import { unpackPage } from './kdump-pages.ts';
import { KernelView } from './kernel-reader.ts';
import { hex, memorySource, type MemorySource } from './memory-source.ts';
import { PageBitmap } from './page-bitmap.ts';
import type { RandomAccess } from './random-access-file.ts';

/** A kdump-compressed dump, as makedumpfile and QEMU (kdump-zlib) write it. */
export interface KdumpCompressed {
  readonly byteOrder: ByteOrder;
  /** utsname.machine: `x86_64`, `aarch64`, `ppc64le`, `s390x`. */
  readonly machineName: string;
  readonly notes: readonly ElfNote[];
  /** Text of the VMCOREINFO that the sub header names; undefined where it names none. */
  readonly vmcoreInfo: Uint8Array | undefined;
  readonly physical: MemorySource;
  /** Ranges of physical memory in the dump, by address. */
  readonly physicalRanges: readonly { readonly address: bigint; readonly size: bigint }[];
}

/** `KDUMP   ` at the start of the file. */
const signature = 'KDUMP   ';

// struct disk_dump_header of makedumpfile's diskdump_mod.h, with the alignment of 64-bit machines.
const header = {
  size: 464,
  version: 8,
  utsname: 12,
  blockSize: 428,
  subHeaderBlocks: 432,
  bitmapBlocks: 436,
  pages: 440,
};
const utsnameField = { size: 65, machine: 4 };

// struct kdump_sub_header; what a version added follows what was there.
const subHeader = { size: 104, split: 12, vmcoreInfo: 32, notes: 48, pages64: 96 };

/** The first version with 64-bit page frame numbers. */
const versionWithPages64 = 6;

// struct page_desc: offset of the data, its size, flags, page flags.
const descriptorSize = 24;

/** Pages kept unpacked: 16 MiB of 4 KiB pages. */
const keptPages = 4096;

const largestNotes = 2n ** 26n;

/** Whether the first bytes of a file are those of a kdump-compressed dump. */
export function isKdumpCompressed(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, signature.length)).toString('latin1') === signature;
}

/**
 * Read the headers and bitmaps of a kdump-compressed dump.
 *
 * @throws KelpError `memory/truncated` if they are not all there, `memory/damaged-dump` if they contradict each other,
 *   `memory/split-dump` for one file of several. Reading memory throws `memory/unsupported-compression`.
 */
export function readKdumpCompressed(file: RandomAccess): KdumpCompressed {
  const start = readExactly(file, 0n, header.size, 'header');
  const byteOrder = identifyByteOrder(new KernelView(start, 'little').u32(header.version), file);
  const view = new KernelView(start, byteOrder);
  const blockSize = view.u32(header.blockSize);
  if (blockSize < 4096 || blockSize > 2 ** 20 || (blockSize & (blockSize - 1)) !== 0) {
    throw damaged(`the block size is ${blockSize}, expected a page size`, file);
  }
  const version = view.u32(header.version);
  const sub = new KernelView(readExactly(file, BigInt(blockSize), subHeader.size, 'sub header'), byteOrder);
  if (sub.u32(subHeader.split) !== 0) {
    const message = 'one file of a dump split by makedumpfile; join the files with makedumpfile --reassemble';
    throw new KelpError('memory/split-dump', message, { file: file.path });
  }
  const pages = version >= versionWithPages64 ? sub.u64(subHeader.pages64) : BigInt(view.u32(header.pages));
  const bitmapStart = BigInt(1 + view.u32(header.subHeaderBlocks)) * BigInt(blockSize);
  const bitmapSize = BigInt(view.u32(header.bitmapBlocks)) * BigInt(blockSize);
  const { present, dumped } = readBitmaps(file, bitmapStart, bitmapSize, pages, blockSize);
  const area = (field: number): Uint8Array => namedArea(file, sub.u64(field), sub.u64(field + 8));
  const vmcoreInfo = version >= 3 ? area(subHeader.vmcoreInfo) : new Uint8Array(0);
  return {
    byteOrder,
    machineName: view.string(header.utsname + utsnameField.machine * utsnameField.size, utsnameField.size),
    notes: version >= 4 ? parseNotes(area(subHeader.notes), byteOrder) : [],
    vmcoreInfo: vmcoreInfo.length === 0 ? undefined : vmcoreInfo,
    physical: pageMemory(file, byteOrder, bitmapStart + bitmapSize, blockSize, present, dumped),
    physicalRanges: dumped.runs().map(({ first, count }) => ({
      address: BigInt(first) * BigInt(blockSize),
      size: BigInt(count) * BigInt(blockSize),
    })),
  };
}

function identifyByteOrder(version: number, file: RandomAccess): ByteOrder {
  const swapped = new KernelView(
    Uint8Array.of(version, version >>> 8, version >>> 16, version >>> 24),
    'big',
  ).u32(0);
  if (version > 0 && version < 256) return 'little';
  if (swapped > 0 && swapped < 256) return 'big';
  throw damaged(`the header version is ${hex(version)}, expected a small number in either byte order`, file);
}

/**
 * The bitmaps: which page frames exist, and which of them are in the file. A dump without filtering may have one for
 * both.
 */
function readBitmaps(
  file: RandomAccess,
  start: bigint,
  size: bigint,
  pages: bigint,
  blockSize: number,
): { present: PageBitmap; dumped: PageBitmap } {
  const bits = BigInt(blockSize) * 8n;
  const one = ((pages + bits - 1n) / bits) * BigInt(blockSize);
  if (one > size || size > 2n ** 30n) throw damaged(`${pages} pages, but bitmaps of ${size} bytes`, file);
  const read = (offset: bigint): PageBitmap => {
    return new PageBitmap(readExactly(file, start + offset, Number(one), 'page bitmap'), Number(pages));
  };
  const present = read(0n);
  return { present, dumped: size >= one * 2n ? read(size / 2n) : present };
}

function pageMemory(
  file: RandomAccess,
  byteOrder: ByteOrder,
  descriptors: bigint,
  pageSize: number,
  present: PageBitmap,
  dumped: PageBitmap,
): MemorySource {
  const kept = new Map<number, Uint8Array | undefined>();
  const readPage = (frame: number): Uint8Array | undefined => {
    const place = descriptors + BigInt(dumped.rank(frame)) * BigInt(descriptorSize);
    const bytes = file.read(place, descriptorSize);
    if (bytes.length < descriptorSize) return undefined;
    const descriptor = new KernelView(bytes, byteOrder);
    const size = descriptor.u32(8);
    // Compressed data is never larger than the page, which would have been stored as it is.
    const data = size > pageSize ? new Uint8Array(0) : file.read(descriptor.u64(0), size);
    return data.length < size
      ? undefined
      : (unpackPage(data, descriptor.u32(12), pageSize, file.path) ?? new Uint8Array(0));
  };
  return memorySource((address, length) => {
    const frameNumber = address / BigInt(pageSize);
    const offset = Number(address % BigInt(pageSize));
    const rest = Math.min(pageSize - offset, length);
    if (frameNumber >= BigInt(dumped.length)) return { length, absent: 'not-mapped' };
    const frame = Number(frameNumber);
    if (!dumped.has(frame)) return { length: rest, absent: present.has(frame) ? 'excluded' : 'not-mapped' };
    let page = kept.get(frame);
    if (page === undefined) {
      page = readPage(frame);
      kept.set(frame, page);
      const [oldest] = kept.size > keptPages ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
    }
    if (page === undefined) return { length: rest, absent: 'truncated' };
    return page.length === 0 ? { length: rest, absent: 'damaged' } : page.subarray(offset, offset + rest);
  });
}

function namedArea(file: RandomAccess, offset: bigint, size: bigint): Uint8Array {
  if (offset === 0n || size === 0n) return new Uint8Array(0);
  if (size > largestNotes) throw damaged(`notes of ${size} bytes`, file);
  return readExactly(file, offset, Number(size), 'notes');
}

function readExactly(file: RandomAccess, position: bigint, length: number, what: string): Uint8Array {
  const bytes = position + BigInt(length) <= file.size ? file.read(position, length) : new Uint8Array(0);
  if (bytes.length === length) return bytes;
  const message = `the file ends before its ${what}: ${length} bytes at ${hex(position)}`;
  throw new KelpError('memory/truncated', message, { file: file.path });
}

function damaged(found: string, file: RandomAccess): KelpError {
  return new KelpError('memory/damaged-dump', found, { file: file.path });
}
