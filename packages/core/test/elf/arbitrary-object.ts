import * as fc from 'fast-check';
import {
  SHN_ABS,
  SHN_COMMON,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_SYMTAB,
} from '../../src/elf/constants.ts';
import type { ObjectFile } from '../../src/elf/object-file.ts';
import type {
  ObjectSpecification,
  RelocationSpecification,
  SectionSpecification,
  SymbolSpecification,
} from '../../src/elf/writer.ts';

const u8 = fc.nat(0xff);
const u32 = fc.nat(0xffff_ffff);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const s64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const name = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\0', ''));

const header = {
  name,
  flags: u64,
  address: u64,
  link: u32,
  info: u32,
  alignment: fc.constantFrom(0, 1, 2, 4, 8, 16, 4096),
  entrySize: u32,
};

export const relocation = fc.record({ offset: fc.maxSafeNat(), type: u32, symbol: u32, addend: s64 });

export const section = fc.oneof(
  fc.record({
    ...header,
    type: fc.constantFrom(SHT_PROGBITS, SHT_NOTE, 14, 0x6fff_fff5),
    bytes: fc.uint8Array(),
  }),
  fc.record({ ...header, type: fc.constant(SHT_NOBITS), size: fc.maxSafeNat() }),
  fc.record({ ...header, type: fc.constant(SHT_RELA), relocations: fc.array(relocation, { maxLength: 5 }) }),
);

const symbolSection = fc.oneof(
  fc.record({ section: fc.constant(SHN_UNDEF), reserved: fc.constant(false) }),
  fc.record({ section: fc.integer({ min: 1, max: 0x2_0000 }), reserved: fc.constant(false) }),
  fc.record({ section: fc.constantFrom(SHN_ABS, SHN_COMMON, SHN_LIVEPATCH), reserved: fc.constant(true) }),
);

const symbol = fc
  .tuple(
    fc.record({ name, value: u64, size: u64, binding: fc.nat(15), type: fc.nat(15), other: u8 }),
    symbolSection,
  )
  .map(([one, place]) => ({ ...one, ...place }));

/** Any file that the writer can write; links and infos are any numbers. */
export const specification = fc.record({
  machine: fc.nat(0xffff),
  byteOrder: fc.constantFrom('little' as const, 'big' as const),
  type: fc.nat(0xffff),
  flags: u32,
  sections: fc.array(section, { maxLength: 8 }),
  symbols: fc
    .array(symbol, { maxLength: 8 })
    .map((rows) => rows.toSorted((a, b) => Number(a.binding > 0) - Number(b.binding > 0))),
});

/** The specification of a file as the reader sees it, without the tables that the writer adds. */
export function specificationOf(object: ObjectFile): ObjectSpecification {
  const added = object.sections.findIndex(({ type }) => type === SHT_SYMTAB);
  const { machine, byteOrder, type, flags } = object;
  return { machine, byteOrder, type, flags, sections: sectionsOf(object, added), symbols: symbolsOf(object) };
}

function sectionsOf(object: ObjectFile, end: number): readonly SectionSpecification[] {
  return object.sections.slice(1, end).map((one) => {
    const { name: text, type, flags, address, link, info, size, bytes } = one;
    const [alignment, entrySize] = [Number(one.alignment), Number(one.entrySize)];
    const common = { name: text, type, flags, address, link, info, alignment, entrySize };
    if (type === SHT_NOBITS) return { ...common, size };
    return type === SHT_RELA
      ? { ...common, relocations: relocationsOf(object, one.index) }
      : { ...common, bytes: Uint8Array.from(bytes) };
  });
}

function relocationsOf(object: ObjectFile, index: number): readonly RelocationSpecification[] {
  const holder = object.sections[index];
  const table = holder === undefined ? undefined : object.relocations(holder);
  return Array.from({ length: table?.count ?? 0 }, (_, at) => ({
    offset: table?.offset(at) ?? -1,
    type: table?.type(at) ?? -1,
    symbol: table?.symbol(at) ?? -1,
    addend: table?.addend(at) ?? 0n,
  }));
}

function symbolsOf(object: ObjectFile): readonly SymbolSpecification[] {
  const table = object.symbols();
  if (table === undefined) return [];
  return Array.from({ length: table.count - 1 }, (_, position) => {
    const at = position + 1;
    const defined = table.sectionIndex(at);
    const raw = table.rawSectionIndex(at);
    return {
      name: table.name(at),
      value: table.value(at),
      size: table.size(at),
      binding: table.binding(at),
      type: table.type(at),
      other: table.other(at),
      section: defined ?? raw,
      reserved: defined === undefined && raw >= SHN_LORESERVE,
    };
  });
}
