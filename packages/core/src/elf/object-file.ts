import { KelpError } from '../errors.ts';
import type { ByteOrder } from '../field.ts';
import { SHN_XINDEX, SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from './constants.ts';
import { identifyContainer, type Container } from './container.ts';
import { FileView } from './file-view.ts';
import { RelocationTable } from './relocation-table.ts';
import { Section, sectionHeaderSize } from './section.ts';
import { StringTable } from './string-table.ts';
import { SymbolTable } from './symbol-table.ts';

/** A parsed ELF64 file: views of the bytes it was given, which must not change while it is used. */
export class ObjectFile {
  /** As the caller named it, for errors. */
  readonly file: string | undefined;
  readonly byteOrder: ByteOrder;
  /** e_type. */
  readonly type: number;
  /** e_machine. */
  readonly machine: number;
  /** e_flags. */
  readonly flags: number;
  /** All sections in header order; index 0 is the null section. */
  readonly sections: readonly Section[];
  readonly #view: FileView;
  readonly #container: Container;
  #symbols: SymbolTable | undefined;

  constructor(view: FileView, container: Container, sections: readonly Section[]) {
    this.file = view.file;
    this.byteOrder = view.byteOrder;
    this.type = view.u16(16);
    this.machine = view.u16(18);
    this.flags = view.u32(48);
    this.sections = sections;
    this.#view = view;
    this.#container = container;
  }

  /** The first section of a name, or undefined. */
  section(name: string): Section | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** The first SHT_SYMTAB section, or undefined: the one that {@link symbols} reads. */
  symbolSection(): Section | undefined {
    return this.sections.find(({ type }) => type === SHT_SYMTAB);
  }

  /**
   * The symbol table of the first SHT_SYMTAB section, or undefined if there is none.
   *
   * @throws KelpError `elf/symbol-table`, `elf/unterminated-names`.
   */
  symbols(): SymbolTable | undefined {
    const section = this.symbolSection();
    if (section !== undefined && this.#symbols === undefined) {
      const strings = this.sections[section.link];
      const extended = this.sections.find(
        ({ type, link }) => type === SHT_SYMTAB_SHNDX && link === section.index,
      );
      const names =
        strings?.type === SHT_STRTAB ? new StringTable(this.#container, strings, this.file) : undefined;
      this.#symbols = new SymbolTable(this.#view, section, names, extended);
    }
    return this.#symbols;
  }

  /**
   * The records of a section, or undefined if it is not SHT_RELA.
   *
   * @throws KelpError `elf/relocation-table`.
   */
  relocations(section: Section): RelocationTable | undefined {
    return section.type === SHT_RELA ? new RelocationTable(this.#view, section) : undefined;
  }
}

/**
 * Parse an ELF64 file of either byte order. Headers and the extents of all sections are checked here, so that what is
 * read later lies inside the file; names, symbols and relocations are read when they are asked for.
 *
 * @param bytes - the whole file; it is not copied.
 * @param file - what errors call the file.
 * @throws KelpError `elf/...` for bytes that are not a sound ELF64 file.
 */
export function parseObjectFile(bytes: Uint8Array, file?: string): ObjectFile {
  const container = identifyContainer(bytes, file);
  const view = new FileView(bytes, container.byteOrder, file);
  const sections = readSections(view, container);
  return new ObjectFile(view, container, sections);
}

function readSections(view: FileView, container: Container): readonly Section[] {
  const { file } = view;
  const start = view.size(40);
  if (start === 0) return [];
  const entrySize = view.u16(58);
  if (entrySize !== sectionHeaderSize) {
    throw new KelpError('elf/section-table', `e_shentsize is ${entrySize}, expected ${sectionHeaderSize}`, {
      file,
      offset: 58,
    });
  }
  requireInFile(view, start, sectionHeaderSize, 'the section table');
  // From 65280 sections on the header holds 0 and SHN_XINDEX, and section 0 the numbers (gabi, "Extended numbering").
  const count = view.u16(60) === 0 ? view.size(start + 32) : view.u16(60);
  const namesIndex = view.u16(62) === SHN_XINDEX ? view.u32(start + 40) : view.u16(62);
  requireInFile(view, start, count * sectionHeaderSize, 'the section table');
  const names: { table?: StringTable } = {};
  const nameAt = (offset: number): string => names.table?.at(offset) ?? '';
  const sections: Section[] = [];
  let occupied = 0;
  for (let index = 0; index < count; index++) {
    const section = new Section(view, start + index * sectionHeaderSize, index, nameAt);
    if (section.occupiesFile) {
      requireInFile(view, section.offset, section.size, `section ${index}`);
      occupied += section.size;
    }
    sections.push(section);
  }
  requireApart(view, occupied);
  names.table = sectionNames(sections, namesIndex, container, file);
  return sections;
}

function sectionNames(
  sections: readonly Section[],
  index: number,
  container: Container,
  file: string | undefined,
): StringTable {
  const section = sections[index];
  if (section?.type !== SHT_STRTAB) {
    throw new KelpError('elf/section-names', `e_shstrndx ${index} is not a string table`, {
      file,
      offset: 62,
    });
  }
  return new StringTable(container, section, file);
}

/** Were sections allowed to share bytes, a small file could hold more relocations than anybody can read. */
function requireApart(view: FileView, occupied: number): void {
  const length = view.bytes.length;
  if (occupied <= length) return;
  const message = `the sections have 0x${occupied.toString(16)} bytes together, the file 0x${length.toString(16)}: they overlap`;
  throw new KelpError('elf/overlapping-sections', message, { file: view.file });
}

function requireInFile(view: FileView, offset: number, size: number, what: string): void {
  const length = view.bytes.length;
  if (offset + size <= length) return;
  const message = `${what} spans 0x${offset.toString(16)} to 0x${(offset + size).toString(16)}, the file has 0x${length.toString(16)} bytes`;
  throw new KelpError('elf/outside-file', message, { file: view.file, offset });
}
