import { KelpError } from '../errors.ts';
import type { FileView } from './file-view.ts';
import type { Section } from './section.ts';

/** Bytes of one SHT_RELA record in ELF64. */
export const relocationSize = 24;

/**
 * The records of one SHT_RELA section in columns: every getter takes the index of a record. Nothing is copied and no
 * object is made per relocation.
 */
export class RelocationTable {
  /** The section that holds the records. */
  readonly section: Section;
  /** sh_info: index of the section that is relocated. */
  readonly target: number;
  readonly count: number;
  readonly #view: FileView;
  readonly #start: number;
  readonly #typeAt: number;
  readonly #symbolAt: number;

  /**
   * @throws KelpError `elf/relocation-table` if the size is not a multiple of 24.
   */
  constructor(view: FileView, section: Section) {
    const { size } = section;
    if (size % relocationSize !== 0) {
      const message = `size ${size} is not a multiple of ${relocationSize}`;
      throw new KelpError('elf/relocation-table', message, { file: view.file, section: section.name });
    }
    this.section = section;
    this.target = section.info;
    this.count = size / relocationSize;
    this.#view = view;
    this.#start = section.offset;
    // r_info is one 64-bit number, symbol in its upper half.
    const little = view.byteOrder === 'little';
    this.#typeAt = this.#start + (little ? 8 : 12);
    this.#symbolAt = this.#start + (little ? 12 : 8);
  }

  /** r_offset: bytes from the start of the relocated section; in linked files an address. Exact below 2^53. */
  offset(index: number): number {
    return this.#view.size(this.#start + index * relocationSize);
  }

  /** ELF64_R_TYPE. */
  type(index: number): number {
    return this.#view.u32(this.#typeAt + index * relocationSize);
  }

  /** ELF64_R_SYM: index into the symbol table; 0 for none. */
  symbol(index: number): number {
    return this.#view.u32(this.#symbolAt + index * relocationSize);
  }

  /** r_addend, signed. */
  addend(index: number): bigint {
    return this.#view.s64(this.#start + index * relocationSize + 16);
  }
}
