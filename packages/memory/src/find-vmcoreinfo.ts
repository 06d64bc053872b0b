import type { AddressSpace } from './address-space.ts';
import type { Dump } from './dump.ts';
import { parseNotes } from './elf-notes.ts';
import { KernelReader } from './kernel-reader.ts';
import { parseVmcoreInfo, type VmcoreInfo } from './vmcoreinfo.ts';

const noteName = 'VMCOREINFO';

/** VMCOREINFO_NOTE_SIZE with 64K pages is the largest; the note of a 4K page is less. */
const largestNote = 2 ** 17;

/** The start of the text, which lies at the start of a page (vmcoreinfo_data). */
const firstLine = Buffer.from('OSRELEASE=');

const pageSize = 4096;
const scanned = 2 ** 20;

/**
 * The VMCOREINFO texts of a dump, likeliest first: from its notes or headers, from where the architecture's kernel
 * points to it, and from memory itself, where the text begins a page. Memory is searched only when more are asked for.
 */
export function* findVmcoreInfo(dump: Dump, spaces: readonly AddressSpace[]): Generator<VmcoreInfo> {
  const named = dump.notes.filter(({ name }) => name === noteName).map(({ description }) => description);
  const texts = dump.vmcoreInfo === undefined ? named : [...named, dump.vmcoreInfo];
  yield* texts.flatMap((text) => parseVmcoreInfo(text) ?? []);
  yield* spaces.flatMap((space) => pointedInfo(dump, space) ?? []);
  yield* searchInfo(dump);
}

function pointedInfo(
  { physical, physicalRanges, byteOrder }: Dump,
  space: AddressSpace,
): VmcoreInfo | undefined {
  if (physical === undefined || space.vmcoreInfoPointer === undefined) return undefined;
  const place = new KernelReader(physical, byteOrder).tryU64(space.vmcoreInfoPointer);
  const range = physicalRanges.find(
    ({ address, size }) => place !== undefined && address <= place && place < address + size,
  );
  if (place === undefined || range === undefined) return undefined;
  const room = range.address + range.size - place;
  const [piece] = physical.pieces(place, room < largestNote ? Number(room) : largestNote);
  if (piece === undefined || 'absent' in piece) return undefined;
  const note = parseNotes(piece.bytes, byteOrder).find(({ name }) => name === noteName);
  return note === undefined ? undefined : parseVmcoreInfo(note.description);
}

function* searchInfo({ physical, physicalRanges }: Dump): Generator<VmcoreInfo> {
  if (physical === undefined) return;
  for (const { address, size } of physicalRanges) {
    const start = (address + BigInt(pageSize - 1)) & ~BigInt(pageSize - 1);
    for (let place = start; place < address + size; place += BigInt(scanned)) {
      const rest = address + size - place;
      for (const piece of physical.pieces(place, rest < scanned ? Number(rest) : scanned)) {
        if ('absent' in piece) continue;
        const skipped = Number(BigInt.asUintN(12, -piece.address));
        for (let offset = skipped; offset < piece.length; offset += pageSize) {
          if (!startsText(piece.bytes, offset)) continue;
          const info = parseVmcoreInfo(
            physical.read(piece.address + BigInt(offset), pageSize) ?? piece.bytes.subarray(offset),
          );
          if (info !== undefined) yield info;
        }
      }
    }
  }
}

function startsText(bytes: Uint8Array, offset: number): boolean {
  return firstLine.every((byte, index) => bytes[offset + index] === byte);
}
