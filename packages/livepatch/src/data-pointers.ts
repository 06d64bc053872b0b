import { relocationsOf } from '@kelp/core';
import type { ObjectFile, Section, SymbolTable } from '@kelp/core/elf';

/** What a pointer in data refers to: a place in this module. */
export interface PointerTarget {
  readonly section: Section;
  /** Bytes from the start of that section. */
  readonly offset: number;
}

const decoder = new TextDecoder();

/** The pointers that ordinary relocations put into data: the only thing a relocatable file tells about structures. */
export class DataPointers {
  readonly #file: ObjectFile;
  readonly #symbols: SymbolTable | undefined;
  readonly #sections = new Map<number, ReadonlyMap<number, PointerTarget | undefined>>();

  /**
   * @throws KelpError `elf/symbol-table`.
   */
  constructor(file: ObjectFile) {
    this.#file = file;
    this.#symbols = file.symbols();
  }

  /** The pointer at an offset of a section; undefined where there is none, or one to another module. */
  at(section: Section, offset: number): PointerTarget | undefined {
    return this.#of(section).get(offset);
  }

  /** Offsets of all pointers of a section, ascending. */
  offsets(section: Section): readonly number[] {
    return [...this.#of(section).keys()];
  }

  /** The text that a pointer leads to; undefined where that is not the start of terminated text. Untrusted. */
  textAt(section: Section, offset: number): string | undefined {
    const target = this.at(section, offset);
    if (target === undefined || target.section.isExecutable) return undefined;
    const { bytes } = target.section;
    const end = bytes.indexOf(0, target.offset);
    if (end === -1 || target.offset < 0) return undefined;
    return decoder.decode(bytes.subarray(target.offset, end));
  }

  /** Whether the pointer at an offset leads into code. */
  leadsToCode(section: Section, offset: number): boolean {
    return this.at(section, offset)?.section.isExecutable ?? false;
  }

  #of(section: Section): ReadonlyMap<number, PointerTarget | undefined> {
    const known = this.#sections.get(section.index);
    if (known !== undefined) return known;
    const pointers = this.#read(section);
    this.#sections.set(section.index, pointers);
    return pointers;
  }

  #read(section: Section): ReadonlyMap<number, PointerTarget | undefined> {
    const records = relocationsOf(this.#file, section);
    const found: [number, PointerTarget | undefined][] = [];
    for (let index = 0; index < (records?.count ?? 0); index++) {
      if (records === undefined) break;
      found.push([records.offset(index), this.#target(records.symbol(index), records.addend(index))]);
    }
    return new Map(found.toSorted(([a], [b]) => a - b));
  }

  #target(symbol: number, addend: bigint): PointerTarget | undefined {
    if (this.#symbols === undefined || symbol >= this.#symbols.count) return undefined;
    const section = this.#file.sections[this.#symbols.sectionIndex(symbol) ?? -1];
    if (section === undefined) return undefined;
    return { section, offset: Number(BigInt.asIntN(64, this.#symbols.value(symbol) + addend)) };
  }
}
