import type { ObjectFile, SymbolTable } from '@kelp/core/elf';
import { functionPrefixes } from './patching-costs.ts';

const objectType = 1;
const functionType = 2;

/** Marks symbols that another file defines, and those that no section of the file holds. */
const external = -1;
const nowhere = -2;

/** Symbols of one type that lie in sections, without those that share a place with another one. */
class PlacedSymbols {
  readonly count: number;
  readonly #symbols: SymbolTable;
  readonly #index: Int32Array;
  readonly #section: Int32Array;
  readonly #start: Float64Array;
  readonly #end: Float64Array;
  /** Positions of the first symbol of each section, and past the last. */
  readonly #ofSection = new Map<number, readonly [from: number, to: number]>();
  #last = 0;

  constructor(symbols: SymbolTable, sections: Int32Array, values: Float64Array, chosen: readonly number[]) {
    const order = chosen.toSorted(
      (a, b) => (sections[a] ?? 0) - (sections[b] ?? 0) || (values[a] ?? 0) - (values[b] ?? 0) || a - b,
    );
    const distinct = order.filter((symbol, position) => {
      const before = order[position - 1];
      return (
        before === undefined || sections[symbol] !== sections[before] || values[symbol] !== values[before]
      );
    });
    this.#symbols = symbols;
    this.count = distinct.length;
    this.#index = Int32Array.from(distinct);
    this.#section = Int32Array.from(distinct, (symbol) => sections[symbol] ?? 0);
    this.#start = Float64Array.from(distinct, (symbol) => values[symbol] ?? 0);
    this.#end = Float64Array.from(distinct, (symbol) => (values[symbol] ?? 0) + Number(symbols.size(symbol)));
    for (const [position, symbol] of distinct.entries()) {
      const section = sections[symbol] ?? 0;
      this.#ofSection.set(section, [this.#ofSection.get(section)?.[0] ?? position, position + 1]);
    }
  }

  /** Position of the symbol that covers an offset of a section; undefined where none does. */
  at(section: number, offset: number): number | undefined {
    const range = this.#ofSection.get(section);
    if (range === undefined) return undefined;
    // Entries are mostly in the order of the code.
    const { length } = this.#start;
    if (
      this.#last >= range[0] &&
      this.#last < range[1] &&
      this.#last < length &&
      this.#covers(this.#last, offset)
    )
      return this.#last;
    let [low, high] = range;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#start[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    if (!this.#covers(low, offset)) return undefined;
    this.#last = low;
    return low;
  }

  /** Untrusted. */
  name(position: number): string {
    return this.#symbols.name(this.#index[position] ?? 0);
  }

  /** Index of the section that holds the symbol. */
  section(position: number): number {
    return this.#section[position] ?? 0;
  }

  /** Offset in its section. */
  start(position: number): number {
    return this.#start[position] ?? 0;
  }

  #covers(position: number, offset: number): boolean {
    return (this.#start[position] ?? 0) <= offset && offset < (this.#end[position] ?? 0);
  }
}

/** The symbols of a module in columns, with its functions and data objects by place. */
export class ObjectSymbols {
  readonly functions: PlacedSymbols;
  readonly objects: PlacedSymbols;
  /** Defined symbols of type STT_FUNC that stand for functions: parts and aliases count, prefixes do not. */
  readonly functionSymbols: number;
  readonly #table: SymbolTable;
  readonly #section: Int32Array;
  readonly #value: Float64Array;

  constructor(object: ObjectFile, table: SymbolTable) {
    const section = new Int32Array(table.count);
    const value = new Float64Array(table.count);
    const functions: number[] = [];
    const objects: number[] = [];
    let functionSymbols = 0;
    for (let index = 0; index < table.count; index++) {
      const defined = table.sectionIndex(index);
      section[index] = defined ?? (table.isExternal(index) ? external : nowhere);
      value[index] = Number(table.value(index));
      if (defined === undefined || object.sections[defined] === undefined) continue;
      const type = table.type(index);
      if (type === objectType && table.size(index) > 0n) objects.push(index);
      if (type !== functionType || isPrefix(table.name(index))) continue;
      functionSymbols++;
      if (table.size(index) > 0n) functions.push(index);
    }
    this.functions = new PlacedSymbols(table, section, value, functions);
    this.objects = new PlacedSymbols(table, section, value, objects);
    this.functionSymbols = functionSymbols;
    this.#table = table;
    this.#section = section;
    this.#value = value;
  }

  /** Index of the section that defines the symbol; undefined where none of the file does. */
  sectionOf(symbol: number): number | undefined {
    const section = this.#section[symbol] ?? nowhere;
    return section < 0 ? undefined : section;
  }

  isExternal(symbol: number): boolean {
    return this.#section[symbol] === external;
  }

  /** st_value, in a relocatable file the offset in the section. */
  valueOf(symbol: number): number {
    return this.#value[symbol] ?? 0;
  }

  /** Untrusted. */
  nameOf(symbol: number): string {
    return this.#table.name(symbol);
  }

  /** Names of the data objects that the module exports, without repetition. */
  exportedObjects(): readonly string[] {
    const exported = new Set<string>();
    const objects = new Set<string>();
    for (let symbol = 0; symbol < this.#table.count; symbol++) {
      if (this.sectionOf(symbol) === undefined) continue;
      const type = this.#table.type(symbol);
      if (type === functionType) continue;
      const name = this.#table.name(symbol);
      if (name.startsWith(exportPrefix)) exported.add(name.slice(exportPrefix.length));
      else if (type === objectType) objects.add(name);
    }
    return [...exported].filter((name) => objects.has(name)).toSorted();
  }
}

/** include/linux/export.h: the entry of an exported symbol. */
const exportPrefix = '__ksymtab_';

function isPrefix(name: string): boolean {
  return functionPrefixes.some((prefix) => name.startsWith(prefix));
}
