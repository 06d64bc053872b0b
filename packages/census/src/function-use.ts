import type { ObjectFile, RelocationTable, Section } from '@kelp/core/elf';
import type { EntryLayout } from '@kelp/core';
import type { ObjectSymbols } from './object-symbols.ts';
import { keyedTables, keyKind, type KeyedTable, type KeyKind } from './patching-costs.ts';
import { pointerFields } from './section-layout.ts';

/** A special section of a module with its entries. */
export interface EntrySection {
  readonly section: Section;
  readonly layout: EntryLayout;
  readonly relocations: RelocationTable;
}

/** A key that an entry ties a function to. */
export interface KeyUse {
  /** Name of the table: `__jump_table`. */
  readonly table: string;
  /** Symbol of the key, or section and offset where it has none. Untrusted. */
  readonly key: string;
  readonly kind: KeyKind;
  /** Another file defines the key: the kernel image or another module. */
  readonly external: boolean;
}

/** Which functions of one module the entries of its special sections name. */
export class FunctionUse {
  readonly symbols: ObjectSymbols;
  /** Entries by section name, then by position of the function. */
  readonly entries = new Map<string, Map<number, number>>();
  /** Entries that name code outside of all functions, by section name. */
  readonly outside = new Map<string, number>();
  readonly #keys = new Map<number, Map<string, KeyUse>>();
  readonly #object: ObjectFile;
  /** How many functions have a name; built when first asked for. */
  #names: Map<string, number> | undefined;

  constructor(object: ObjectFile, symbols: ObjectSymbols, sections: readonly EntrySection[]) {
    this.#object = object;
    this.symbols = symbols;
    for (const one of sections) this.#add(one);
  }

  /** Positions of the functions with keys. */
  keyed(): readonly number[] {
    return [...this.#keys.keys()];
  }

  /** Keys of a function, each once. */
  keysOf(position: number): readonly KeyUse[] {
    return [...(this.#keys.get(position)?.values() ?? [])];
  }

  /** Name of a function, and its place where the module has several of that name: `show@.text+0x40`. Untrusted. */
  functionName(position: number): string {
    const { functions } = this.symbols;
    if (this.#names === undefined) {
      this.#names = new Map();
      for (let one = 0; one < functions.count; one++) {
        const name = functions.name(one);
        this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
      }
    }
    const name = functions.name(position);
    if (this.#names.get(name) === 1) return name;
    const section = this.#object.sections[functions.section(position)]?.name ?? '';
    return `${name}@${section}+0x${functions.start(position).toString(16)}`;
  }

  #add({ section, layout, relocations }: EntrySection): void {
    const fields = pointerFields(layout);
    if (fields.size === 0) return;
    const keyed = keyedTables.find((table) => table.section === section.name);
    const marks = new EntryMarks(this.#entriesOf(section.name));
    let entry = -1;
    let code: number | undefined;
    let key: KeyUse | undefined;
    const finish = (): void => {
      if (marks.finish()) this.outside.set(section.name, (this.outside.get(section.name) ?? 0) + 1);
      if (code !== undefined && key !== undefined) this.#addKey(code, key);
    };
    for (const index of inOrder(relocations)) {
      const offset = relocations.offset(index);
      const next = Math.floor(offset / layout.size);
      const pointer = fields.get(offset - next * layout.size);
      if (pointer === undefined) continue;
      if (next !== entry) {
        finish();
        entry = next;
        code = key = undefined;
      }
      const symbol = relocations.symbol(index);
      const shift = pointer.field.kind === 'entry-relative' ? pointer.field.offset : 0;
      const addend = Number(relocations.addend(index)) - shift;
      if (keyed?.key === pointer.name) {
        key = this.#keyUse(keyed, symbol, addend, pointer.field.flags ?? 0);
        continue;
      }
      const place = this.#functionAt(symbol, addend);
      if (place === undefined) continue;
      marks.mark(place);
      if (keyed?.code === pointer.name && place >= 0) code = place;
    }
    finish();
  }

  #entriesOf(name: string): Map<number, number> {
    let entries = this.entries.get(name);
    if (entries === undefined) this.entries.set(name, (entries = new Map()));
    return entries;
  }

  /** Position of the function, -1 for code outside of all functions, undefined for what is no code. */
  #functionAt(symbol: number, addend: number): number | undefined {
    const section = this.symbols.sectionOf(symbol);
    if (section === undefined || this.#object.sections[section]?.isExecutable !== true) return undefined;
    return this.symbols.functions.at(section, this.symbols.valueOf(symbol) + addend) ?? -1;
  }

  #keyUse(table: KeyedTable, symbol: number, addend: number, flags: number): KeyUse | undefined {
    if (this.symbols.isExternal(symbol)) {
      const name = this.symbols.nameOf(symbol);
      return { table: table.section, key: name, kind: keyKind(table, name, undefined), external: true };
    }
    const index = this.symbols.sectionOf(symbol);
    const section = index === undefined ? undefined : this.#object.sections[index]?.name;
    if (index === undefined || section === undefined) return undefined;
    // The lowest bits of the addend are flags of the entry.
    const at = this.symbols.valueOf(symbol) + addend;
    const offset = at - (at & flags);
    const object = this.symbols.objects.at(index, offset);
    const name =
      object === undefined ? `${section}+0x${offset.toString(16)}` : this.symbols.objects.name(object);
    return { table: table.section, key: name, kind: keyKind(table, name, section), external: false };
  }

  #addKey(position: number, use: KeyUse): void {
    let keys = this.#keys.get(position);
    if (keys === undefined) this.#keys.set(position, (keys = new Map()));
    const id = JSON.stringify([use.table, use.key]);
    if (!keys.has(id)) keys.set(id, use);
  }
}

/** Counts an entry once for each function that it names. */
class EntryMarks {
  readonly #entries: Map<number, number>;
  readonly #marked = new Set<number>();
  #outside = false;

  constructor(entries: Map<number, number>) {
    this.#entries = entries;
  }

  mark(position: number): void {
    if (position < 0) this.#outside = true;
    else this.#marked.add(position);
  }

  /** End the entry; true where it names code, but no function. */
  finish(): boolean {
    const outside = this.#outside && this.#marked.size === 0;
    for (const position of this.#marked) this.#entries.set(position, (this.#entries.get(position) ?? 0) + 1);
    this.#marked.clear();
    this.#outside = false;
    return outside;
  }
}

/** The relocations by offset: linkers write them so, but no rule asks for it. */
function inOrder(relocations: RelocationTable): Iterable<number> {
  let sorted = true;
  let before = 0;
  for (let index = 0; index < relocations.count && sorted; index++) {
    const offset = relocations.offset(index);
    sorted = offset >= before;
    before = offset;
  }
  const indices = Uint32Array.from({ length: relocations.count }, (_none, index) => index);
  if (!sorted) indices.sort((a, b) => relocations.offset(a) - relocations.offset(b) || a - b);
  return indices;
}
