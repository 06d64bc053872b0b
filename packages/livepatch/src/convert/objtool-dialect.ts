import {
  decodeEntries,
  entrySource,
  klpRelocEntry,
  livepatchSectionName,
  parseLivepatchSymbolName,
  relocationRule,
  relocationsOf,
  type Pointer,
} from '@kelp/core';
import type { ObjectFile, RelocationSpecification, Section, SymbolTable } from '@kelp/core/elf';
import { livepatchRelocations } from '../relocation-sections.ts';
import { PlanBuilder, type ConversionPlan, type Dialect, type DialectInput } from './conversion-plan.ts';
import { wrongPosition } from './positions.ts';

/** What objtool klp diff leaves for klp post-link: one section for each object. */
const notePrefix = '__klp_relocs.';

/**
 * What `objtool klp post-link` does: each entry of `__klp_relocs.OBJECT` names a place and a symbol, and replaces the
 * relocation that stands for it until then. objtool leaves that one behind as type NONE, which ppc64le refuses; here
 * it goes, and with it the sections that are used up.
 */
export const objtoolDialect: Dialect = {
  name: 'objtool',
  needsSymbols: false,
  plan,
  sectionName: livepatchSectionName,
};

/** The sections of a file that wait for klp post-link, or were left behind by it. */
export function objtoolSections(file: ObjectFile): readonly Section[] {
  return file.sections.filter(({ name }) => name.startsWith(notePrefix));
}

function plan(input: DialectInput): ConversionPlan {
  const { file } = input;
  const builder = new PlanBuilder();
  const table = file.symbols();
  const sections = objtoolSections(file);
  builder.remove(file, sections);
  if (table === undefined) return builder;
  const context = {
    input,
    builder,
    table,
    done: new ConvertedPlaces(file),
    ordinary: new OrdinaryPlaces(input, table),
  };
  for (const section of sections) {
    const object = section.name.slice(notePrefix.length);
    const entries = decodeEntries(klpRelocEntry, entrySource(file, section));
    let offset = 0;
    for (const { offset: place, sym, type } of entries) {
      convertEntry({ object, section, offset, place, sym, type }, context);
      offset += klpRelocEntry.size;
    }
    if (offset !== section.size)
      builder.error('convert/entry-size', `${section.size} bytes are no whole number of entries`, {
        section: section.name,
        offset,
      });
  }
  return builder;
}

interface Entry {
  readonly object: string;
  /** Where the entry stands. */
  readonly section: Section;
  readonly offset: number;
  readonly place: Pointer;
  readonly sym: Pointer;
  readonly type: number;
}

interface Context {
  readonly input: DialectInput;
  readonly builder: PlanBuilder;
  readonly table: SymbolTable;
  readonly done: ConvertedPlaces;
  readonly ordinary: OrdinaryPlaces;
}

function convertEntry(entry: Entry, { input, builder, table, done, ordinary }: Context): void {
  const { file, symbols } = input;
  const fail = (code: `convert/${string}`, message: string): void =>
    builder.error(code, message, { section: entry.section.name, offset: entry.offset });
  const { symbol, addend } = entry.sym;
  const name = symbol === 0 ? undefined : parseLivepatchSymbolName(table.name(symbol));
  if (name === undefined) return fail('convert/symbol-name', 'the entry names no livepatch symbol');
  const wrong = symbols === undefined ? undefined : wrongPosition(symbols, name, 1);
  if (wrong !== undefined) return fail('convert/wrong-position', wrong);
  const defined = table.sectionIndex(entry.place.symbol);
  const target = defined === undefined ? undefined : file.sections[defined];
  if (target?.isAllocated !== true)
    return fail('convert/no-place', 'the entry points to no place of the loaded module');
  const at = Number(BigInt.asIntN(64, table.value(entry.place.symbol) + entry.place.addend));
  const record = { offset: at, type: entry.type, symbol, addend };
  const replaced = ordinary.take(target, at, builder);
  builder.symbols.set(symbol, name);
  if (done.has(entry.object, target, record)) return undefined;
  if (!replaced)
    return fail('convert/no-relocation', `no relocation stands at ${target.name}+0x${at.toString(16)}`);
  builder.records.push({ object: entry.object, target, record });
  return undefined;
}

/** Ordinary relocations by the place that they fill. */
class OrdinaryPlaces {
  readonly #input: DialectInput;
  readonly #table: SymbolTable;
  readonly #sections = new Map<number, ReadonlyMap<number, number>>();

  constructor(input: DialectInput, table: SymbolTable) {
    this.#input = input;
    this.#table = table;
  }

  /**
   * Take the relocation that keeps a place for livepatch out of its section.
   *
   * @returns whether there is one: against an undefined symbol, or of a type that the loader ignores.
   */
  take(target: Section, offset: number, builder: PlanBuilder): boolean {
    const { file, architecture, kernel } = this.#input;
    const records = relocationsOf(file, target);
    const index = this.#of(target).get(offset);
    if (records === undefined || index === undefined) return false;
    const type = architecture.relocationType(records.type(index));
    const rule = type === undefined ? undefined : relocationRule(type, kernel);
    const isNone = rule?.verdict === 'ignored' || records.type(index) === 0;
    if (!isNone && !this.#table.isExternal(records.symbol(index))) return false;
    builder.take(records.section, index);
    return true;
  }

  #of(target: Section): ReadonlyMap<number, number> {
    const known = this.#sections.get(target.index);
    if (known !== undefined) return known;
    const records = relocationsOf(this.#input.file, target);
    const places = new Map<number, number>();
    for (let index = 0; index < (records?.count ?? 0); index++)
      if (records !== undefined) places.set(records.offset(index), index);
    this.#sections.set(target.index, places);
    return places;
  }
}

/** Places that livepatch fills already: klp post-link has been here. */
class ConvertedPlaces {
  readonly #known: ReadonlySet<string>;

  constructor(file: ObjectFile) {
    const known = new Set<string>();
    for (const { object, target, records } of livepatchRelocations(file)) {
      for (let index = 0; index < records.count; index++) {
        const place = {
          offset: records.offset(index),
          type: records.type(index),
          symbol: records.symbol(index),
        };
        known.add(keyOf(object, target, place));
      }
    }
    this.#known = known;
  }

  has(object: string, target: Section, record: RelocationSpecification): boolean {
    return this.#known.has(keyOf(object, target, record));
  }
}

function keyOf(
  object: string | undefined,
  target: Section | undefined,
  { offset, type, symbol }: Omit<RelocationSpecification, 'addend'>,
): string {
  return [target?.index, offset, type, symbol, object].join(' ');
}
