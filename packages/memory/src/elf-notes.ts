import type { ByteOrder } from '@kelp/core';
import { KernelView } from './kernel-reader.ts';

/** A note of an ELF file. */
export interface ElfNote {
  /** `CORE`, `QEMU`, `VMCOREINFO` ... */
  readonly name: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** Size of an Elf64_Nhdr: name size, description size, type. */
const headerSize = 12;

/**
 * Read the notes of a PT_NOTE segment: Elf64_Nhdr, name, description, each padded to 4 bytes (as the kernel and QEMU
 * write them, whatever p_align says). A note that does not fit ends the list.
 */
export function parseNotes(bytes: Uint8Array, byteOrder: ByteOrder): readonly ElfNote[] {
  const view = new KernelView(bytes, byteOrder);
  const notes: ElfNote[] = [];
  for (let offset = 0; offset + headerSize <= bytes.length;) {
    const nameSize = view.u32(offset);
    const descriptionSize = view.u32(offset + 4);
    const start = offset + headerSize + align4(nameSize);
    const end = start + descriptionSize;
    if (nameSize === 0 || end > bytes.length) break;
    const name = view.string(offset + headerSize, nameSize);
    notes.push({ name, type: view.u32(offset + 8), description: bytes.subarray(start, end) });
    offset = start + align4(descriptionSize);
  }
  return notes;
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
