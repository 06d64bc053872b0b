import { KelpError } from '../errors.ts';
import { SHN_LIVEPATCH, SHN_LORESERVE, SHN_UNDEF, SHN_XINDEX, SHT_STRTAB } from './constants.ts';
import type { FileView } from './file-view.ts';
import type { Section } from './section.ts';
import type { StringTable } from './string-table.ts';

const symbolSize = 24;

/** A symbol table in columns: every getter takes an index into the table. Index 0 is the null symbol. */
export class SymbolTable {
  readonly count: number;
  readonly #view: FileView;
  readonly #start: number;
  readonly #strings: StringTable;
  readonly #extended: Section | undefined;

  /**
   * @throws KelpError `elf/symbol-table` if the size is not a multiple of 24 or the string table is missing.
   */
  constructor(
    view: FileView,
    section: Section,
    strings: StringTable | undefined,
    extended: Section | undefined,
  ) {
    const place = { file: view.file, section: section.name };
    if (section.size % symbolSize !== 0) {
      throw new KelpError(
        'elf/symbol-table',
        `size ${section.size} is not a multiple of ${symbolSize}`,
        place,
      );
    }
    if (strings === undefined) {
      throw new KelpError(
        'elf/symbol-table',
        `sh_link ${section.link} is not a string table (type ${SHT_STRTAB})`,
        place,
      );
    }
    this.#view = view;
    this.#start = section.offset;
    this.#strings = strings;
    this.#extended = extended;
    this.count = section.size / symbolSize;
    if (extended !== undefined && extended.size < this.count * 4) {
      throw new KelpError(
        'elf/symbol-table',
        `SHT_SYMTAB_SHNDX holds ${extended.size / 4} of ${this.count} indices`,
        place,
      );
    }
  }

  /** Untrusted: may hold anything but NUL. */
  name(index: number): string {
    return this.#strings.at(this.#view.u32(this.#at(index)));
  }

  /** st_value. */
  value(index: number): bigint {
    return this.#view.u64(this.#at(index) + 8);
  }

  /** st_size. */
  size(index: number): bigint {
    return this.#view.u64(this.#at(index) + 16);
  }

  /** STB_LOCAL, STB_GLOBAL, STB_WEAK ... */
  binding(index: number): number {
    return this.#byte(index, 4) >> 4;
  }

  /** STT_NOTYPE, STT_FUNC ... */
  type(index: number): number {
    return this.#byte(index, 4) & 0xf;
  }

  /** st_other: visibility and, on ppc64, the distance to the local entry point. */
  other(index: number): number {
    return this.#byte(index, 5);
  }

  /** st_shndx as it stands in the entry: SHN_UNDEF, SHN_ABS, SHN_LIVEPATCH, SHN_XINDEX or a section. */
  rawSectionIndex(index: number): number {
    return this.#view.u16(this.#at(index) + 6);
  }

  /** Index of the section that defines the symbol, beyond 65279 too; undefined for reserved indices and SHN_UNDEF. */
  sectionIndex(index: number): number | undefined {
    const raw = this.rawSectionIndex(index);
    if (raw === SHN_XINDEX)
      return this.#extended === undefined ? undefined : this.#view.u32(this.#extended.offset + index * 4);
    return raw === SHN_UNDEF || raw >= SHN_LORESERVE ? undefined : raw;
  }

  /** The loader looks the symbol up elsewhere: SHN_UNDEF, or SHN_LIVEPATCH. Index 0 is not a symbol and not external. */
  isExternal(index: number): boolean {
    const raw = this.rawSectionIndex(index);
    return index !== 0 && (raw === SHN_UNDEF || raw === SHN_LIVEPATCH);
  }

  #at(index: number): number {
    if (index < 0 || index >= this.count) {
      const message = `symbol index ${index} is not in the table of ${this.count} symbols`;
      throw new KelpError('elf/symbol-index', message, { file: this.#view.file });
    }
    return this.#start + index * symbolSize;
  }

  #byte(index: number, offset: number): number {
    return this.#view.bytes[this.#at(index) + offset] ?? 0;
  }
}
