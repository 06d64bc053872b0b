import type { ByteOrder } from '@kelp/core';
import { GrowingBytes } from './bytes.ts';

interface TestSegment {
  readonly virtual?: bigint;
  readonly physical?: bigint;
  readonly bytes: Uint8Array;
  /** p_memsz where it is not the number of bytes. */
  readonly memorySize?: bigint;
}

export interface TestNote {
  readonly name: string;
  readonly type?: number;
  readonly description: Uint8Array;
}

export interface TestCore {
  readonly machine?: number;
  readonly byteOrder?: ByteOrder;
  readonly segments: readonly TestSegment[];
  readonly notes?: readonly TestNote[];
  /** Write the number of program headers into section header 0, as is done from 65,535 on. */
  readonly extended?: boolean;
}

/** An ELF64 core file: header, section header 0, program headers, notes, segments. */
export function elfCore(core: TestCore): Uint8Array {
  const { machine = 62, byteOrder = 'little', segments, notes = [], extended = false } = core;
  const file = new GrowingBytes(byteOrder);
  const count = segments.length + 1;
  file.put(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, byteOrder === 'little' ? 1 : 2, 1));
  file.u16(4, 16);
  file.u16(machine, 18);
  file.u32(1, 20);
  file.u64(128n, 32);
  file.u64(64n, 40);
  file.u16(64, 52);
  file.u16(56, 54);
  file.u16(extended ? 0xffff : count, 56);
  file.u16(64, 58);
  file.u16(1, 60);
  file.u32(extended ? count : 0, 64 + 44);
  file.reserve(128 + count * 56);

  const noteBytes = elfNotes(notes, byteOrder);
  programHeader(file, 0, { type: 4, offset: file.length, bytes: noteBytes });
  file.put(noteBytes);
  for (const [index, segment] of segments.entries()) {
    programHeader(file, index + 1, { ...segment, type: 1, offset: file.length });
    file.put(segment.bytes);
  }
  return file.bytes;
}

function programHeader(
  file: GrowingBytes,
  index: number,
  header: TestSegment & { readonly type: number; readonly offset: number },
): void {
  const place = 128 + index * 56;
  file.u32(header.type, place);
  file.u64(BigInt(header.offset), place + 8);
  file.u64(header.virtual ?? 0n, place + 16);
  file.u64(header.physical ?? 0n, place + 24);
  file.u64(BigInt(header.bytes.length), place + 32);
  file.u64(header.memorySize ?? BigInt(header.bytes.length), place + 40);
}

export function elfNotes(notes: readonly TestNote[], byteOrder: ByteOrder): Uint8Array {
  const bytes = new GrowingBytes(byteOrder);
  for (const { name, type = 0, description } of notes) {
    bytes.u32(name.length + 1);
    bytes.u32(description.length);
    bytes.u32(type);
    bytes.text(name);
    bytes.align(4);
    bytes.put(description);
    bytes.align(4);
  }
  return bytes.bytes;
}
