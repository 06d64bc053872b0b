import type { ArchitectureSource } from './architecture-source.ts';
import { readCFile, type CFile } from './c/c-file.ts';
import type { Knowledge } from './c/condition.ts';
import { readDefines, resolveNumber } from './c/defines.ts';
import { distinct, type CFunction, type Unread } from './c/functions.ts';
import { findSwitches, type CaseGroup, type CaseLabel } from './c/switches.ts';
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
      what: 'no switch over relocation types is reached from apply_relocate_add()',
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
      for (const groups of findSwitches(found.definition.body)) {
        if (!this.#isOverRelocations(groups)) continue;
        cases.push(...this.#casesOf(groups, found.file, found.definition));
        const rest = groups.find(({ isDefault }) => isDefault);
        refusesOthers &&= rest !== undefined && returnsError(rest.statements);
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
      labels.flatMap((label): readonly RelocationCase[] => {
        const { name, line } = label;
        const number = name === undefined ? undefined : resolveNumber(name, this.#numbers);
        if (name === undefined || number === undefined) {
          const what =
            name === undefined ? 'a case that is no single name' : `no header gives ${name} a plain number`;
          this.#unread.push({ file: file.path, line, what });
          return [];
        }
        return [{ name, number, file: file.path, line, function: inside.name, label, statements }];
      }),
    );
  }
}

/** Whether statements return a negative error number somewhere. */
function returnsError(statements: readonly ConditionalToken[]): boolean {
  return statements.some(
    ({ text }, at) =>
      text === 'return' && statements[at + 1]?.text === '-' && statements[at + 2]?.kind === 'word',
  );
}
