import { KelpError } from '@kelp/core';

/** First line of a symbol list (klp-convert: `symbols.klp`, in 2018 and 2019 `Symbols.list`). */
export const symbolListHeader = 'klp-convert-symbol-data.0.1';

/** A symbol of this name stands for an export of what follows (EXPORT_SYMBOL, include/linux/export.h). */
const exportPrefix = '__ksymtab_';

/** An object that has a symbol, and how often. */
export interface SymbolProvider {
  /** `vmlinux` or a module. Untrusted. */
  readonly object: string;
  /** Symbols of the name in the object: the largest sympos. */
  readonly count: number;
}

/** The symbols of the kernel and of modules, in sympos order. */
export class SymbolList {
  /** Names by object, in the order of the list: equal names stand in sympos order. Untrusted. */
  readonly objects: ReadonlyMap<string, readonly string[]>;
  /** By symbol name, how often each object has it. */
  readonly #providers = new Map<string, Map<string, number>>();
  readonly #exported = new Set<string>();

  constructor(objects: ReadonlyMap<string, readonly string[]>) {
    this.objects = objects;
    for (const [object, names] of objects) {
      for (const name of names) {
        const providers = this.#providers.get(name);
        if (providers === undefined) this.#providers.set(name, new Map([[object, 1]]));
        else providers.set(object, (providers.get(object) ?? 0) + 1);
        if (name.startsWith(exportPrefix)) this.#exported.add(name.slice(exportPrefix.length));
      }
    }
  }

  /** The objects that have a symbol, in the order of the list. */
  providers(name: string): readonly SymbolProvider[] {
    return [...(this.#providers.get(name) ?? [])].map(([object, count]) => ({ object, count }));
  }

  /** How often an object has a symbol; 0 where the list does not know the object either. */
  count(object: string, name: string): number {
    return this.#providers.get(name)?.get(object) ?? 0;
  }

  /** Some object exports the symbol: the module loader finds it without livepatch. */
  isExported(name: string): boolean {
    return this.#exported.has(name);
  }
}

/**
 * Read a symbol list: the header, then a line `*OBJECT` for each object and under it one symbol name a line.
 *
 * @param file - what errors call the list.
 * @throws KelpError `symbol-list/empty`, `symbol-list/header`, `symbol-list/no-object` for a symbol before any object,
 *   `symbol-list/object` for an object without a name.
 */
export function parseSymbolList(text: string, file?: string): SymbolList {
  if (text.trim() === '') throw new KelpError('symbol-list/empty', 'the symbol list is empty', { file });
  const objects = new Map<string, string[]>();
  let names: string[] | undefined;
  for (const { line, number, offset } of lines(text)) {
    if (number === 1) requireHeader(line, file);
    else if (line.startsWith('*')) names = openObject(objects, line.slice(1), { file, offset });
    else if (line !== '') {
      if (names === undefined) {
        const message = `line ${number}: a symbol stands before any line *OBJECT`;
        throw new KelpError('symbol-list/no-object', message, { file, offset });
      }
      names.push(line);
    }
  }
  if (objects.size === 0) throw new KelpError('symbol-list/empty', 'the symbol list has no object', { file });
  return new SymbolList(objects);
}

/**
 * Write a symbol list that {@link parseSymbolList} and klp-convert read.
 *
 * @throws KelpError `symbol-list/name` for a name that a line cannot hold.
 */
export function formatSymbolList(objects: ReadonlyMap<string, readonly string[]>): string {
  const text = [symbolListHeader];
  for (const [object, names] of objects) {
    if (object === '' || /[\r\n]/u.test(object)) throw unwritable(object);
    text.push(`*${object}`);
    for (const name of names) {
      if (!isWritable(name)) throw unwritable(name);
      text.push(name);
    }
  }
  return `${text.join('\n')}\n`;
}

/** A line of a list can hold the name: not empty, no line break, no asterisk in front. */
export function isWritable(name: string): boolean {
  return name !== '' && !name.startsWith('*') && !/[\r\n]/u.test(name);
}

function unwritable(name: string): KelpError {
  return new KelpError('symbol-list/name', `a symbol list cannot hold the name ${JSON.stringify(name)}`);
}

function requireHeader(line: string, file: string | undefined): void {
  if (line === symbolListHeader) return;
  const message = `the first line is ${JSON.stringify(line.slice(0, 80))}, expected ${symbolListHeader}`;
  throw new KelpError('symbol-list/header', message, { file, offset: 0 });
}

function openObject(
  objects: Map<string, string[]>,
  name: string,
  place: { readonly file: string | undefined; readonly offset: number },
): string[] {
  if (name === '') throw new KelpError('symbol-list/object', 'a line * has no object name', place);
  const known = objects.get(name) ?? [];
  objects.set(name, known);
  return known;
}

/** Lines with their number, from 1, and their offset in UTF-16 units. */
function* lines(
  text: string,
): Generator<{ readonly line: string; readonly number: number; readonly offset: number }> {
  let offset = 0;
  for (let number = 1; offset < text.length; number++) {
    const end = text.indexOf('\n', offset);
    const line = text.slice(offset, end === -1 ? text.length : end);
    yield { line: line.endsWith('\r') ? line.slice(0, -1) : line, number, offset };
    offset = end === -1 ? text.length : end + 1;
  }
}
