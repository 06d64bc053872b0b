import { KelpError } from '../errors.ts';
import type { ByteOrder } from '../field.ts';
import {
  ET_REL,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from './constants.ts';
import { NameTable } from './name-table.ts';
import { NumberWriter } from './number-writer.ts';
import { relocationSize } from './relocation-table.ts';
import { sectionHeaderSize } from './section.ts';

/** One relocation to write. */
export interface RelocationSpecification {
  /** r_offset in bytes. */
  readonly offset: number;
  /** ELF64_R_TYPE. */
  readonly type: number;
  /** Index of the symbol in the written table: 1 for the first of the specification, 0 for none. */
  readonly symbol: number;
  readonly addend: bigint;
}

/** One section to write. Its index in the file is its position in the specification plus 1. */
export interface SectionSpecification {
  readonly name: string;
  /** sh_type; SHT_RELA sections are given by `relocations` instead of `bytes`. */
  readonly type: number;
  readonly flags?: bigint;
  readonly address?: bigint;
  readonly bytes?: Uint8Array;
  /** Size of a NOBITS section; all others are as large as their bytes. */
  readonly size?: number;
  /** Records of a SHT_RELA section; sh_link is set to the symbol table where `link` is absent. */
  readonly relocations?: readonly RelocationSpecification[];
  readonly link?: number;
  readonly info?: number;
  /** A power of two, or 0 as another word for 1; 1 where absent. */
  readonly alignment?: number;
  readonly entrySize?: number;
}

/** One symbol to write. Local symbols come first, as the ABI demands. */
export interface SymbolSpecification {
  readonly name: string;
  readonly value?: bigint;
  readonly size?: bigint;
  /** STB_LOCAL where absent. */
  readonly binding?: number;
  /** STT_NOTYPE where absent. */
  readonly type?: number;
  readonly other?: number;
  /** A section index, or a reserved index (SHN_ABS ...) with `reserved` set. */
  readonly section: number;
  /** `section` is a reserved index, not a section. */
  readonly reserved?: boolean;
}

/** An ELF64 file to write. */
export interface ObjectSpecification {
  readonly machine: number;
  readonly byteOrder: ByteOrder;
  /** e_type; ET_REL where absent. */
  readonly type?: number;
  /** e_flags. */
  readonly flags?: number;
  readonly sections: readonly SectionSpecification[];
  /** Without the null symbol, which is written always. Absent: no symbol table. */
  readonly symbols?: readonly SymbolSpecification[];
}

const headerSize = 64;
const symbolSize = 24;

/**
 * Write an ELF64 file: the sections as given, then symbol table and string tables, then the section headers.
 * The same specification gives the same bytes.
 *
 * @throws KelpError `elf/symbol-order` if a local symbol follows a global one.
 */
export function writeObjectFile(specification: ObjectSpecification): Uint8Array {
  const { byteOrder, symbols } = specification;
  const sections = [...specification.sections];
  const symbolTable = sections.length + 1;
  if (symbols !== undefined) sections.push(...symbolSections(symbols, symbolTable, byteOrder));
  const names = new NameTable();
  const nameOffsets = [...sections.map(({ name }) => name), '.shstrtab'].map((name) => names.add(name));
  sections.push({ name: '.shstrtab', type: SHT_STRTAB, bytes: names.bytes() });

  const contents = sections.map((section) => contentOf(section, byteOrder));
  const offsets = placeSections(sections, contents);
  const tableStart = align(offsets.end, 8);
  const file = new Uint8Array(tableStart + (sections.length + 1) * sectionHeaderSize);
  const put = new NumberWriter(file, byteOrder);
  writeHeader(put, specification, tableStart, sections.length + 1);
  for (const [index, section] of sections.entries()) {
    const content = contents[index] ?? new Uint8Array();
    const offset = offsets.starts[index] ?? 0;
    file.set(content, offset);
    const header = tableStart + (index + 1) * sectionHeaderSize;
    const link = section.link ?? (section.type === SHT_RELA && symbols !== undefined ? symbolTable : 0);
    const size = section.type === SHT_NOBITS ? (section.size ?? 0) : content.length;
    writeSectionHeader(put, header, section, { name: nameOffsets[index] ?? 0, offset, size, link });
  }
  return file;
}

function symbolSections(
  symbols: readonly SymbolSpecification[],
  index: number,
  order: ByteOrder,
): SectionSpecification[] {
  const names = new NameTable();
  const bytes = new Uint8Array((symbols.length + 1) * symbolSize);
  const extended = new Uint8Array((symbols.length + 1) * 4);
  const [put, putExtended] = [new NumberWriter(bytes, order), new NumberWriter(extended, order)];
  let needsExtended = false;
  for (const [position, symbol] of symbols.entries()) {
    const at = (position + 1) * symbolSize;
    const beyond = symbol.reserved !== true && symbol.section >= SHN_LORESERVE;
    put.number(at, 4, names.add(symbol.name));
    put.number(at + 4, 1, ((symbol.binding ?? 0) << 4) | (symbol.type ?? 0));
    put.number(at + 5, 1, symbol.other ?? 0);
    put.number(at + 6, 2, beyond ? SHN_XINDEX : symbol.section);
    put.wide(at + 8, symbol.value ?? 0n);
    put.wide(at + 16, symbol.size ?? 0n);
    if (beyond) putExtended.number((position + 1) * 4, 4, symbol.section);
    needsExtended ||= beyond;
  }
  const locals = countLocals(symbols);
  const tables: SectionSpecification[] = [
    {
      name: '.symtab',
      type: SHT_SYMTAB,
      bytes,
      link: index + 1,
      info: locals + 1,
      alignment: 8,
      entrySize: symbolSize,
    },
    { name: '.strtab', type: SHT_STRTAB, bytes: names.bytes() },
  ];
  if (needsExtended) {
    tables.push({
      name: '.symtab_shndx',
      type: SHT_SYMTAB_SHNDX,
      bytes: extended,
      link: index,
      alignment: 4,
      entrySize: 4,
    });
  }
  return tables;
}

function countLocals(symbols: readonly SymbolSpecification[]): number {
  const isLocal = symbols.map(({ binding }) => (binding ?? 0) === 0);
  const locals = isLocal.filter(Boolean).length;
  if (isLocal.lastIndexOf(true) >= locals) {
    throw new KelpError('elf/symbol-order', 'a local symbol follows a global one');
  }
  return locals;
}

function contentOf(section: SectionSpecification, order: ByteOrder): Uint8Array {
  if (section.type === SHT_NOBITS) return new Uint8Array();
  if (section.relocations === undefined) return section.bytes ?? new Uint8Array();
  return relocationBytes(section.relocations, order);
}

/** The bytes of a SHT_RELA section. */
export function relocationBytes(records: readonly RelocationSpecification[], order: ByteOrder): Uint8Array {
  const bytes = new Uint8Array(records.length * relocationSize);
  const put = new NumberWriter(bytes, order);
  for (const [index, { offset, type, symbol, addend }] of records.entries()) {
    const at = index * relocationSize;
    put.wide(at, offset);
    put.wide(at + 8, (BigInt(symbol) << 32n) | BigInt(type));
    put.wide(at + 16, addend);
  }
  return bytes;
}

function placeSections(
  sections: readonly SectionSpecification[],
  contents: readonly Uint8Array[],
): { readonly starts: readonly number[]; readonly end: number } {
  let end = headerSize;
  const starts = sections.map((section, index) => {
    const start = align(end, section.alignment ?? (section.type === SHT_RELA ? 8 : 1));
    end = start + (contents[index]?.length ?? 0);
    return start;
  });
  return { starts, end };
}

function align(offset: number, alignment: number): number {
  return alignment === 0 ? offset : Math.ceil(offset / alignment) * alignment;
}

function writeHeader(
  put: NumberWriter,
  { machine, byteOrder, type, flags }: ObjectSpecification,
  table: number,
  count: number,
): void {
  const beyond = count >= SHN_LORESERVE;
  const names = count - 1;
  put.number(0, 1, 0x7f);
  for (const [index, letter] of [0x45, 0x4c, 0x46].entries()) put.number(index + 1, 1, letter);
  put.number(4, 1, 2);
  put.number(5, 1, byteOrder === 'little' ? 1 : 2);
  put.number(6, 1, 1);
  put.number(16, 2, type ?? ET_REL);
  put.number(18, 2, machine);
  put.number(20, 4, 1);
  put.wide(40, table);
  put.number(48, 4, flags ?? 0);
  put.number(52, 2, headerSize);
  put.number(58, 2, sectionHeaderSize);
  put.number(60, 2, beyond ? 0 : count);
  put.number(62, 2, names >= SHN_LORESERVE ? SHN_XINDEX : names);
  if (beyond) put.wide(table + 32, count);
  if (names >= SHN_LORESERVE) put.number(table + 40, 4, names);
}

/** Write the header of a section, at an offset of the file. */
export function writeSectionHeader(
  put: NumberWriter,
  at: number,
  section: SectionSpecification,
  placed: { readonly name: number; readonly offset: number; readonly size: number; readonly link: number },
): void {
  const isRelocation = section.type === SHT_RELA;
  put.number(at, 4, placed.name);
  put.number(at + 4, 4, section.type);
  put.wide(at + 8, section.flags ?? 0n);
  put.wide(at + 16, section.address ?? 0n);
  put.wide(at + 24, placed.offset);
  put.wide(at + 32, placed.size);
  put.number(at + 40, 4, placed.link);
  put.number(at + 44, 4, section.info ?? 0);
  put.wide(at + 48, section.alignment ?? (isRelocation ? 8 : 1));
  put.wide(at + 56, section.entrySize ?? (isRelocation ? relocationSize : 0));
}
