import { deflateSync } from 'node:zlib';
import type { ByteOrder } from '@kelp/core';
import { GrowingBytes } from './bytes.ts';
import { elfNotes, type TestNote } from './elf-core-file.ts';

export interface TestPage {
  readonly frame: number;
  readonly bytes: Uint8Array;
  /** Flags of the page descriptor; by default zlib, or plain where that is smaller. */
  readonly flags?: number;
}

export interface TestKdump {
  readonly byteOrder?: ByteOrder;
  readonly machine?: string;
  readonly version?: number;
  readonly blockSize?: number;
  /** Page frames that the bitmaps cover. */
  readonly frames: number;
  readonly pages: readonly TestPage[];
  /** Page frames that exist but were left out. */
  readonly excluded?: readonly number[];
  readonly notes?: readonly TestNote[];
  readonly vmcoreInfo?: string;
  /** One bitmap for both, as in a dump without filtering. */
  readonly oneBitmap?: boolean;
  readonly split?: boolean;
}

/** A kdump-compressed file as makedumpfile writes it: header, sub header, bitmaps, page descriptors, pages. */
export function kdumpFile(dump: TestKdump): Uint8Array {
  const {
    byteOrder = 'little',
    blockSize = 4096,
    version = 6,
    excluded = [],
    notes = [],
    vmcoreInfo = '',
  } = dump;
  const file = new GrowingBytes(byteOrder);
  const noteBytes = elfNotes(notes, byteOrder);
  const notesAt = blockSize + 512;
  const infoAt = notesAt + noteBytes.length;
  const subBlocks = Math.ceil((512 + noteBytes.length + vmcoreInfo.length) / blockSize);
  const bitmapSize = Math.ceil(dump.frames / 8 / blockSize) * blockSize;
  const bitmaps = dump.oneBitmap === true ? 1 : 2;

  file.put(Buffer.from('KDUMP   '));
  file.u32(version, 8);
  file.text(dump.machine ?? 'x86_64', 12 + 4 * 65);
  file.u32(blockSize, 428);
  file.u32(subBlocks, 432);
  file.u32((bitmapSize * bitmaps) / blockSize, 436);
  file.u32(dump.frames, 440);

  file.u32(dump.split === true ? 1 : 0, blockSize + 12);
  file.u64(vmcoreInfo === '' ? 0n : BigInt(infoAt), blockSize + 32);
  file.u64(BigInt(vmcoreInfo.length), blockSize + 40);
  file.u64(BigInt(notes.length === 0 ? 0 : notesAt), blockSize + 48);
  file.u64(BigInt(noteBytes.length), blockSize + 56);
  file.u64(BigInt(dump.frames), blockSize + 96);
  file.put(noteBytes, notesAt);
  file.put(Buffer.from(vmcoreInfo), infoAt);

  const dumped = dump.pages.map(({ frame }) => frame);
  const bitmapsAt = (1 + subBlocks) * blockSize;
  if (dump.oneBitmap !== true) file.put(bitmap([...dumped, ...excluded], bitmapSize), bitmapsAt);
  file.put(bitmap(dumped, bitmapSize), bitmapsAt + bitmapSize * (bitmaps - 1));
  putPages(file, bitmapsAt + bitmapSize * bitmaps, dump.pages);
  return file.bytes;
}

function putPages(file: GrowingBytes, descriptors: number, pages: readonly TestPage[]): void {
  file.reserve(descriptors + pages.length * 24);
  const ordered = pages.toSorted((a, b) => a.frame - b.frame);
  for (const [index, { bytes, flags }] of ordered.entries()) {
    const packed = deflateSync(bytes);
    const data = flags === undefined && packed.length < bytes.length ? packed : bytes;
    const place = descriptors + index * 24;
    file.u64(BigInt(file.put(data)), place);
    file.u32(data.length, place + 8);
    file.u32(flags ?? (data === packed ? 1 : 0), place + 12);
  }
}

function bitmap(frames: readonly number[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const frame of frames) bytes[frame >> 3] = (bytes[frame >> 3] ?? 0) | (1 << (frame & 7));
  return bytes;
}

/** A file in makedumpfile's flattened format: pieces with their places, in the order given. */
export function flattened(
  pieces: readonly { readonly place: number; readonly bytes: Uint8Array }[],
  complete = true,
): Uint8Array {
  const file = new GrowingBytes('big');
  file.text('makedumpfile');
  file.u64(1n, 16);
  file.u64(1n, 24);
  file.reserve(4096);
  for (const { place, bytes } of pieces) {
    file.u64(BigInt(place));
    file.u64(BigInt(bytes.length));
    file.put(bytes);
  }
  if (complete) {
    file.u64(2n ** 64n - 1n);
    file.u64(2n ** 64n - 1n);
  }
  return file.bytes;
}
