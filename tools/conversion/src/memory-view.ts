import { relocationsOf } from '@kelp/core';
import { SHT_RELA, type ObjectFile, type Section } from '@kelp/core/elf';
import type { LoadedModule } from '@kelp/loader';

/** A type whose field leads to a slot of GOT, PLT or stubs. */
interface LinkedType {
  readonly type: number;
  /** The address in the field. */
  readonly field: (view: DataView, P: bigint, A: bigint) => bigint;
  /** Bytes from the start of a slot to the address that it holds. */
  readonly held: number;
}

const halfwords = (view: DataView, P: bigint, A: bigint): bigint => P - A + BigInt(view.getInt32(0)) * 2n;

const linkedTypes: ReadonlyMap<number, readonly LinkedType[]> = new Map([
  [
    22,
    [
      // R_390_PLT32DBL, R_390_GOTENT.
      { type: 20, field: halfwords, held: 14 },
      { type: 26, field: halfwords, held: 0 },
    ],
  ],
  [
    21,
    [
      {
        // R_PPC64_REL24; struct ppc64_stub_entry has funcdata behind its code.
        type: 10,
        field: (view, P) => P + BigInt.asIntN(26, BigInt(view.getUint32(0, true) & 0x03ff_fffc)),
        held: 32,
      },
    ],
  ],
]);

/**
 * Memory by section. A module whose relocations stand in other sections has its slots of GOT, PLT and stubs in another
 * order: a field that leads to a slot is shown as what the slot holds.
 */
export function memoryOf({ image }: LoadedModule, original: ObjectFile): ReadonlyMap<string, unknown> {
  const sections = image.sections.filter(({ index }) => image.object.sections[index]?.type !== SHT_RELA);
  const isCode = (to: bigint): boolean =>
    sections.some(
      ({ name, address, size }) => name !== '.stubs' && to >= address && to < address + BigInt(size),
    );
  const found = new Map<string, unknown>();
  for (const { name, address, size } of sections) {
    const section = original.section(name);
    if (section === undefined || name === '.stubs') continue;
    const bytes = Buffer.from(image.read(address, size) ?? []);
    const reached: string[] = [];
    for (const { offset, type, addend } of recordsOf(original, section)) {
      const linked = linkedTypes.get(original.machine)?.find((one) => one.type === type);
      if (linked === undefined) continue;
      const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 4);
      const to = linked.field(view, address + BigInt(offset), addend);
      const held = isCode(to) ? undefined : image.read(to + BigInt(linked.held), 8);
      reached.push(`${offset}: ${held === undefined ? to : Buffer.from(held).toString('hex')}`);
      bytes.fill(0, offset, offset + 4);
    }
    found.set(name, { bytes: bytes.toString('hex'), reached });
  }
  return found;
}

/** The ordinary relocations of a section. */
export function recordsOf(
  file: ObjectFile,
  section: Section,
): readonly {
  readonly offset: number;
  readonly type: number;
  readonly addend: bigint;
  readonly symbol: number;
}[] {
  const records = relocationsOf(file, section);
  return Array.from({ length: records?.count ?? 0 }, (_, index) => ({
    offset: records?.offset(index) ?? 0,
    type: records?.type(index) ?? 0,
    addend: records?.addend(index) ?? 0n,
    symbol: records?.symbol(index) ?? 0,
  }));
}
