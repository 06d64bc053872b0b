import type { ArchitectureSource } from './architecture-source.ts';
import { readCFile, type CFile } from './c/c-file.ts';
import type { Knowledge } from './c/condition.ts';
import { readDefines, resolveNumber } from './c/defines.ts';
import { distinct, type CFunction, type Unread } from './c/functions.ts';
import { findSwitches, type CaseEffect, type CaseGroup, type CaseLabel } from './c/switches.ts';
import { findHandlerTables, handlerEffect } from './handler-tables.ts';
import { tokenize } from './c/tokens.ts';
import type { SourceTree } from './tree.ts';
import type { ConditionalToken } from './c/preprocess.ts';

/** One `case R_...:` of the loader. */
export interface RelocationCase {
  /** As the kernel calls it, which is not always the ABI's name. */
  readonly name: string;
  readonly number: number;
  readonly file: string;
  readonly line: number;
  readonly function: string;
  readonly label: CaseLabel;
  readonly statements: readonly ConditionalToken[];
  /** What a handler does, where a table of functions takes the place of a switch. */
  readonly effect?: CaseEffect;
}

/** A function of the loader and what its switch handles. */
export interface RelocationSwitch {
  /** The function of the loader that leads here: `apply_relocate_add`. */
  readonly entry: string;
  /** Absent: the tree has no such function for the architecture. */
  readonly reached?: readonly string[];
  readonly cases: readonly RelocationCase[];
  /** Unknown numbers end in an error. */
  readonly refusesOthers: boolean;
}

/** The relocation code of an architecture in a tree. */
export interface RelocationSource {
  readonly apply: RelocationSwitch;
  readonly clear: RelocationSwitch;
  readonly unread: readonly Unread[];
}

/** Read which relocation types the loader of an architecture handles when it applies and when it clears. */
export function readRelocationCases(
  tree: SourceTree,
  source: ArchitectureSource,
  known: Knowledge,
): RelocationSource {
  const files = source.loader.map((path) => readCFile(tree, path, known));
  const unread: Unread[] = files.flatMap((file) => file.unread);
  const numbers = readNumbers(tree, source, unread);
  const reader = new SwitchReader(files, source.relocationPrefixes, numbers, unread);
  const apply = reader.read('apply_relocate_add');
  const clear = reader.read('clear_relocate_add');
  const first = files[0];
  if (apply.cases.length === 0 && first !== undefined) {
    unread.push({
      file: first.path,
      line: 1,
      what: 'no switch or table over relocation types is reached from apply_relocate_add()',
    });
  }
  return { apply, clear, unread: distinct(unread) };
}

function readNumbers(tree: SourceTree, source: ArchitectureSource, unread: Unread[]): Map<string, string> {
  const numbers = new Map<string, string>();
  for (const header of source.relocationNumbers) {
    if (tree.has(header)) readDefines(tokenize(tree.read(header), header), numbers);
    else
      unread.push({
        file: header,
        line: 1,
        what: 'the header with the numbers of relocation types is missing',
      });
  }
  return numbers;
}

class SwitchReader {
  readonly #files: readonly CFile[];
  readonly #prefixes: readonly string[];
  readonly #numbers: ReadonlyMap<string, string>;
  readonly #unread: Unread[];

  constructor(
    files: readonly CFile[],
    prefixes: readonly string[],
    numbers: ReadonlyMap<string, string>,
    unread: Unread[],
  ) {
    this.#files = files;
    this.#prefixes = prefixes;
    this.#numbers = numbers;
    this.#unread = unread;
  }

  /** Follow calls within the files of the loader from an entry to the switches over relocation types. */
  read(entry: string): RelocationSwitch {
    const defined = new Map<string, { readonly file: CFile; readonly definition: CFunction }>();
    for (const file of this.#files) {
      for (const definition of file.functions) {
        if (!defined.has(definition.name)) defined.set(definition.name, { file, definition });
      }
    }
    if (!defined.has(entry)) return { entry, cases: [], refusesOthers: true };
    const reached = new Set([entry]);
    const cases: RelocationCase[] = [];
    let refusesOthers = true;
    // A set is walked in order of insertion, what is added on the way included.
    for (const name of reached) {
      const found = defined.get(name);
      if (found === undefined) continue;
      for (const { kind, text } of found.definition.body) {
        if (kind === 'word' && defined.has(text)) reached.add(text);
      }
      // What a table says holds for the types that no switch takes out before it.
      const table = this.#tableCases(found.file, found.definition, defined);
      cases.push(...table);
      for (const groups of findSwitches(found.definition.body)) {
        if (!this.#isOverRelocations(groups)) continue;
        cases.push(...this.#casesOf(groups, found.file, found.definition));
        const rest = groups.find(({ isDefault }) => isDefault);
        const others = table.length > 0 ? found.definition.body : rest?.statements;
        refusesOthers &&= others !== undefined && returnsError(others);
      }
    }
    return { entry, reached: [...reached], cases, refusesOthers };
  }

  #isOverRelocations(groups: readonly CaseGroup[]): boolean {
    return groups.some(({ labels }) => labels.some(({ name }) => this.#isType(name)));
  }

  #isType(name: string | undefined): name is string {
    return name !== undefined && this.#prefixes.some((prefix) => name.startsWith(prefix));
  }

  #casesOf(groups: readonly CaseGroup[], file: CFile, inside: CFunction): readonly RelocationCase[] {
    return groups.flatMap(({ labels, statements }) =>
      labels.flatMap((label) =>
        this.#typesOf(label, file).map(({ name, number }) => ({
          name,
          number,
          file: file.path,
          line: label.line,
          function: inside.name,
          label,
          statements,
        })),
      ),
    );
  }

  /** Types that a function looks up in a table of handlers; of two entries for a type the later counts. */
  #tableCases(
    file: CFile,
    inside: CFunction,
    defined: ReadonlyMap<string, { readonly definition: CFunction }>,
  ): readonly RelocationCase[] {
    const words = new Set(inside.body.filter(({ kind }) => kind === 'word').map(({ text }) => text));
    const found = new Map<number, RelocationCase>();
    for (const [table, entries] of findHandlerTables(file.tokens)) {
      if (!words.has(table) || !entries.some(({ label }) => this.#isType(label.name))) continue;
      for (const { label, handler } of entries) {
        const definition = defined.get(handler)?.definition;
        if (definition === undefined) {
          this.#unread.push({
            file: file.path,
            line: label.line,
            what: `the handler ${handler} is no function`,
          });
          continue;
        }
        for (const { name, number } of this.#typesOf(label, file)) {
          const effect = handlerEffect(
            definition,
            (other) => this.#isType(other),
            (other) => this.#typesOf(other, file).some((type) => type.number === number),
          );
          found.set(number, {
            name,
            number,
            file: file.path,
            line: label.line,
            function: handler,
            label,
            statements: [],
            effect,
          });
        }
      }
    }
    return [...found.values()];
  }

  /** The types that a label stands for; none, and a note, where it is not understood. */
  #typesOf(
    { name, last, line }: CaseLabel,
    file: CFile,
  ): readonly { readonly name: string; readonly number: number }[] {
    const first = name === undefined ? undefined : resolveNumber(name, this.#numbers);
    const end = last === undefined ? first : resolveNumber(last, this.#numbers);
    if (name === undefined || first === undefined || end === undefined || end - first > mostTypes) {
      const what =
        name === undefined
          ? 'a case that is no single name'
          : `no header gives ${last ?? name} a plain number`;
      this.#unread.push({ file: file.path, line, what });
      return [];
    }
    if (last === undefined) return [{ name, number: first }];
    return Array.from({ length: Math.max(0, end - first + 1) }, (_, at) => ({
      name: this.#nameOf(first + at) ?? `${name} + ${at}`,
      number: first + at,
    }));
  }

  #nameOf(number: number): string | undefined {
    return [...this.#numbers.keys()].find(
      (name) => this.#isType(name) && resolveNumber(name, this.#numbers) === number,
    );
  }
}

/** No ABI has more types than this. */
const mostTypes = 1024;

/** Whether statements return a negative error number somewhere. */
function returnsError(statements: readonly ConditionalToken[]): boolean {
  return statements.some(
    ({ text }, at) =>
      text === 'return' && statements[at + 1]?.text === '-' && statements[at + 2]?.kind === 'word',
  );
}
