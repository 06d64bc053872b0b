import { KelpError } from '../errors.ts';
import {
  SHN_ABS,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_GROUP,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from './constants.ts';
import { NameTable } from './name-table.ts';
import { NumberWriter } from './number-writer.ts';
import type { ObjectFile } from './object-file.ts';
import type { SectionNumbers } from './section-numbers.ts';
import type { Section } from './section.ts';

/** What to change of a symbol; absent members stay. */
export interface SymbolChange {
  readonly name?: string;
  /** A reserved index: SHN_LIVEPATCH, SHN_ABS ... */
  readonly reserved?: number;
}

/** Contents of sections that have to change, by index, and the names of new sections. */
interface ChangedContents {
  readonly contents: Map<number, Uint8Array>;
  readonly names: { readonly section: number; readonly added: readonly number[] };
}

const symbolSize = 24;

/**
 * Rewrite what refers to sections by index and to names by offset: symbol tables, their extended indices, groups and
 * string tables. Names are appended, so that everything else in a string table stays where it is.
 *
 * @param namesIndex - the section that names the sections.
 * @throws KelpError `elf/symbol-index` for a change of a symbol that is not there, `elf/symbol-table`.
 */
export function changedContents(
  object: ObjectFile,
  numbers: SectionNumbers,
  namesIndex: number,
  changes: { readonly symbols: ReadonlyMap<number, SymbolChange>; readonly sectionNames: readonly string[] },
): ChangedContents {
  const contents = new Map<number, Uint8Array>();
  const tables = new Map<number, NameTable>();
  const namesOf = (index: number): NameTable => {
    const known = tables.get(index);
    if (known !== undefined) return known;
    const table = new NameTable(object.sections[index]?.bytes);
    tables.set(index, table);
    return table;
  };
  const changed = object.symbolSection();
  if (changes.symbols.size > 0 && object.symbols() === undefined)
    throw new KelpError('elf/symbol-table', 'the file has no symbol table', { file: object.file });
  for (const section of object.sections) {
    if (numbers.isRemoved(section.index)) continue;
    if (section.type === SHT_GROUP) contents.set(section.index, group(object, section, numbers));
    if (section.type !== SHT_SYMTAB) continue;
    const symbols = new RewrittenSymbols(object, section);
    symbols.renumber(numbers);
    if (section === changed) {
      for (const [index, change] of changes.symbols)
        symbols.change(index, change, (name) => namesOf(section.link).add(name));
    }
    for (const [index, bytes] of symbols.contents()) contents.set(index, bytes);
  }
  const added = changes.sectionNames.map((name) => namesOf(namesIndex).add(name));
  for (const [index, table] of tables) contents.set(index, table.bytes());
  return { contents, names: { section: namesIndex, added } };
}

/** A group's flag word, then the sections of the group that stay. */
function group(object: ObjectFile, section: Section, numbers: SectionNumbers): Uint8Array {
  const words = Math.floor(section.size / 4);
  const view = viewOf(section.bytes);
  const little = object.byteOrder === 'little';
  const kept = Array.from({ length: Math.max(words - 1, 0) }, (_, at) => view.getUint32((at + 1) * 4, little))
    .filter((index) => !numbers.isRemoved(index))
    .map((index) => numbers.of(index));
  const bytes = new Uint8Array(words === 0 ? 0 : (kept.length + 1) * 4);
  const put = new NumberWriter(bytes, object.byteOrder);
  if (words > 0) put.number(0, 4, view.getUint32(0, little));
  for (const [at, index] of kept.entries()) put.number((at + 1) * 4, 4, index);
  return bytes;
}

/** A copy of a symbol table, with its SHT_SYMTAB_SHNDX section where there is one. */
class RewrittenSymbols {
  readonly #object: ObjectFile;
  readonly #section: Section;
  readonly #extended: Section | undefined;
  readonly #bytes: Uint8Array;
  readonly #extendedBytes: Uint8Array;
  readonly #view: DataView;
  readonly #extendedView: DataView;
  readonly #little: boolean;

  constructor(object: ObjectFile, section: Section) {
    this.#object = object;
    this.#section = section;
    this.#extended = object.sections.find(
      ({ type, link }) => type === SHT_SYMTAB_SHNDX && link === section.index,
    );
    // Not slice(): that of a Buffer is no copy.
    this.#bytes = Uint8Array.from(section.bytes);
    this.#extendedBytes = Uint8Array.from(this.#extended?.bytes ?? []);
    this.#view = viewOf(this.#bytes);
    this.#extendedView = viewOf(this.#extendedBytes);
    this.#little = object.byteOrder === 'little';
  }

  get #count(): number {
    return Math.floor(this.#bytes.length / symbolSize);
  }

  contents(): readonly (readonly [number, Uint8Array])[] {
    const own = [this.#section.index, this.#bytes] as const;
    return this.#extended === undefined ? [own] : [own, [this.#extended.index, this.#extendedBytes]];
  }

  renumber(numbers: SectionNumbers): void {
    for (let index = 1; index < this.#count; index++) {
      const section = this.#sectionOf(index);
      if (section === undefined) continue;
      if (numbers.isRemoved(section)) this.#empty(index);
      else if (numbers.of(section) !== section) this.#setSection(index, numbers.of(section));
    }
  }

  change(index: number, { name, reserved }: SymbolChange, addName: (name: string) => number): void {
    if (index < 1 || index >= this.#count) {
      const message = `symbol index ${index} is not in the table of ${this.#count} symbols`;
      throw new KelpError('elf/symbol-index', message, { file: this.#object.file });
    }
    if (name !== undefined) this.#view.setUint32(index * symbolSize, addName(name), this.#little);
    if (reserved !== undefined) this.#setRaw(index, reserved);
  }

  /** A symbol that keeps its place and its binding, since local ones stand in front, and means nothing. */
  #empty(index: number): void {
    const at = index * symbolSize;
    const binding = (this.#bytes[at + 4] ?? 0) & 0xf0;
    this.#bytes.fill(0, at, at + symbolSize);
    this.#bytes[at + 4] = binding;
    this.#setRaw(index, SHN_ABS);
  }

  #sectionOf(index: number): number | undefined {
    const raw = this.#view.getUint16(index * symbolSize + 6, this.#little);
    if (raw === SHN_XINDEX) {
      const known = (index + 1) * 4 <= this.#extendedBytes.length;
      return known ? this.#extendedView.getUint32(index * 4, this.#little) : undefined;
    }
    return raw === SHN_UNDEF || raw >= SHN_LORESERVE ? undefined : raw;
  }

  /** Numbers only become smaller, so whatever has an extended index has a place for it. */
  #setSection(index: number, section: number): void {
    if (section < SHN_LORESERVE) this.#setRaw(index, section);
    else this.#extendedView.setUint32(index * 4, section, this.#little);
  }

  #setRaw(index: number, value: number): void {
    this.#view.setUint16(index * symbolSize + 6, value, this.#little);
    if ((index + 1) * 4 <= this.#extendedBytes.length)
      this.#extendedView.setUint32(index * 4, 0, this.#little);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
