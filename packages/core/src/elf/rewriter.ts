import { KelpError } from '../errors.ts';
import {
  ET_REL,
  SHF_INFO_LINK,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
} from './constants.ts';
import { NumberWriter } from './number-writer.ts';
import { parseObjectFile, type ObjectFile } from './object-file.ts';
import { changedContents, type SymbolChange } from './rewritten-contents.ts';
import { SectionNumbers } from './section-numbers.ts';
import { sectionHeaderSize, type Section } from './section.ts';
import {
  relocationBytes,
  writeSectionHeader,
  type RelocationSpecification,
  type SectionSpecification,
} from './writer.ts';

/** What to change in an object file. All indices are those of the file before the change. */
export interface ObjectChanges {
  /** New records of SHT_RELA sections, by index of the section. */
  readonly relocations?: ReadonlyMap<number, readonly RelocationSpecification[]>;
  /** By index of the symbol. */
  readonly symbols?: ReadonlyMap<number, SymbolChange>;
  /**
   * Sections that go away. Symbols keep their indices: one that a removed section defined becomes an absolute symbol
   * without a name, which the module loader passes over.
   */
  readonly removed?: ReadonlySet<number>;
  /**
   * Sections to add behind the others. Where one refers to another of them, its index is the number of sections of the
   * file plus its position here. A SHT_RELA section is linked to the symbol table where `link` is absent.
   */
  readonly added?: readonly SectionSpecification[];
}

const headerSize = 64;

/**
 * Beyond a page the place in the file tells nothing about memory; and a file of many headers with large alignments
 * must not grow without bounds.
 */
const largestFileAlignment = 4096;

/**
 * Change a relocatable file and keep everything else: header fields, symbol indices, section flags, alignment, entry
 * sizes and contents, also of sections that nobody knows. Sections stay in the order of their headers and of their
 * bytes; the section header table moves to the end. The same input gives the same bytes; no change gives the file.
 *
 * @param bytes - the whole file; it is not changed.
 * @param file - what errors call the file.
 * @throws KelpError `elf/not-relocatable` for images and files with program headers, `elf/removed-section` where
 *   something that stays needs a section that goes, `elf/...` for bytes that are not a sound ELF64 file.
 */
export function rewriteObjectFile(bytes: Uint8Array, changes: ObjectChanges, file?: string): Uint8Array {
  const object = parseObjectFile(bytes, file);
  requireRelocatable(object, bytes);
  if (isEmpty(changes)) return Uint8Array.from(bytes);
  const sectionNames = namesIndex(object, bytes);
  const numbers = new SectionNumbers(object, changes.removed ?? new Set(), [sectionNames]);
  const added = changes.added ?? [];
  const { contents, names } = changedContents(object, numbers, sectionNames, {
    symbols: changes.symbols ?? new Map(),
    sectionNames: added.map(({ name }) => name),
  });
  for (const [index, records] of changes.relocations ?? [])
    contents.set(index, relocationBytes(records, object.byteOrder));
  const placed = place(object, numbers, contents, added);
  const result = new Uint8Array(placed.table + placed.count * sectionHeaderSize);
  result.set(bytes.subarray(0, headerSize));
  for (const { offset, content } of placed.sections) if (content !== undefined) result.set(content, offset);
  writeHeaders(result, { object, bytes, numbers, placed, added, names });
  return result;
}

function isEmpty({ relocations, symbols, removed, added }: ObjectChanges): boolean {
  return [relocations, symbols, removed].every((one) => (one?.size ?? 0) === 0) && (added ?? []).length === 0;
}

function requireRelocatable(object: ObjectFile, bytes: Uint8Array): void {
  const programHeaders = (bytes[56] ?? 0) + (bytes[57] ?? 0);
  if (object.type === ET_REL && programHeaders === 0) return;
  const message = `e_type is ${object.type}, and only a relocatable file without program headers can be changed`;
  throw new KelpError('elf/not-relocatable', message, { file: object.file });
}

/** Index of the section that names the sections. */
function namesIndex(object: ObjectFile, bytes: Uint8Array): number {
  const little = object.byteOrder === 'little';
  const short = new DataView(bytes.buffer, bytes.byteOffset).getUint16(62, little);
  return short === SHN_XINDEX ? (object.sections[0]?.link ?? 0) : short;
}

/** Where a section's bytes go; those without bytes in the file have a place nevertheless. */
interface PlacedSection {
  readonly index: number;
  readonly offset: number;
  readonly content: Uint8Array | undefined;
}

interface Placed {
  /** Sections that stay, then those that are added, with their new indices. */
  readonly sections: readonly PlacedSection[];
  readonly table: number;
  readonly count: number;
}

function place(
  object: ObjectFile,
  numbers: SectionNumbers,
  contents: ReadonlyMap<number, Uint8Array>,
  added: readonly SectionSpecification[],
): Placed {
  let end = headerSize;
  const put = (index: number, alignment: bigint | number, content: Uint8Array | undefined): PlacedSection => {
    const offset = align(end, fileAlignment(Number(alignment)));
    end = offset + (content?.length ?? 0);
    return { index, offset, content };
  };
  const kept = object.sections.filter(({ index }) => index !== 0 && !numbers.isRemoved(index));
  const inFile = kept.toSorted((a, b) => a.offset - b.offset || a.index - b.index);
  const sections = inFile.map((section) => {
    const content = section.occupiesFile ? (contents.get(section.index) ?? section.bytes) : undefined;
    return put(numbers.of(section.index), section.alignment, content);
  });
  for (const [position, one] of added.entries()) {
    const content =
      one.relocations === undefined ? one.bytes : relocationBytes(one.relocations, object.byteOrder);
    sections.push(
      put(numbers.count + position, one.alignment ?? defaultAlignment(one), content ?? new Uint8Array()),
    );
  }
  return { sections, table: align(end, 8), count: numbers.count + added.length };
}

function defaultAlignment({ type }: SectionSpecification): number {
  return type === SHT_RELA ? 8 : 1;
}

function fileAlignment(alignment: number): number {
  return Number.isInteger(Math.log2(alignment)) ? Math.min(alignment, largestFileAlignment) : 1;
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

interface HeaderInput {
  readonly object: ObjectFile;
  readonly bytes: Uint8Array;
  readonly numbers: SectionNumbers;
  readonly placed: Placed;
  readonly added: readonly SectionSpecification[];
  readonly names: { readonly section: number; readonly added: readonly number[] };
}

function writeHeaders(result: Uint8Array, input: HeaderInput): void {
  const { object, bytes, numbers, placed, added } = input;
  const put = new NumberWriter(result, object.byteOrder);
  const start = Number(
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(40, object.byteOrder === 'little'),
  );
  const oldHeader = (index: number): Uint8Array =>
    bytes.subarray(start + index * sectionHeaderSize, start + (index + 1) * sectionHeaderSize);
  result.set(oldHeader(0), placed.table);
  const places = new Map(placed.sections.map((one) => [one.index, one]));
  for (const section of object.sections) {
    const where = places.get(numbers.of(section.index));
    if (section.index === 0 || numbers.isRemoved(section.index) || where === undefined) continue;
    const at = placed.table + where.index * sectionHeaderSize;
    result.set(oldHeader(section.index), at);
    changeHeader(put, at, section, where, numbers);
  }
  const symbolTable = object.symbolSection()?.index;
  for (const [position, one] of added.entries()) {
    const where = places.get(numbers.count + position);
    if (where === undefined) continue;
    const size = one.type === SHT_NOBITS ? (one.size ?? 0) : (where.content?.length ?? 0);
    const link = one.link ?? (one.type === SHT_RELA ? (symbolTable ?? 0) : 0);
    const header = { ...one, info: numbers.ofAny(one.info ?? 0) };
    writeSectionHeader(put, placed.table + where.index * sectionHeaderSize, header, {
      name: input.names.added[position] ?? 0,
      offset: where.offset,
      size,
      link: numbers.ofAny(link),
    });
  }
  writeFileHeader(put, input);
}

function changeHeader(
  put: NumberWriter,
  at: number,
  section: Section,
  { offset, content }: PlacedSection,
  numbers: SectionNumbers,
): void {
  if (section.type !== 0) put.wide(at + 24, offset);
  if (content !== undefined) put.wide(at + 32, content.length);
  put.number(at + 40, 4, numbers.needed(section.link, section));
  const infoIsSection =
    section.type === SHT_RELA || section.type === SHT_REL || (section.flags & SHF_INFO_LINK) !== 0n;
  if (infoIsSection) put.number(at + 44, 4, numbers.needed(section.info, section));
}

/** From 65280 sections on, section 0 holds what the header cannot (gabi, "Extended numbering"). */
function writeFileHeader(put: NumberWriter, { object, numbers, placed, names }: HeaderInput): void {
  const { count, table } = placed;
  const nameSection = numbers.of(names.section);
  const [manyNow, manyBefore] = [count, object.sections.length].map((one) => one >= SHN_LORESERVE);
  put.wide(40, table);
  put.number(60, 2, manyNow === true ? 0 : count);
  if (manyNow === true || manyBefore === true) put.wide(table + 32, manyNow === true ? count : 0);
  const farNow = nameSection >= SHN_LORESERVE;
  put.number(62, 2, farNow ? SHN_XINDEX : nameSection);
  if (farNow || names.section >= SHN_LORESERVE) put.number(table + 40, 4, farNow ? nameSection : 0);
}
