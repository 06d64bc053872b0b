import { readCFile, type CFile } from '../c/c-file.ts';
import type { Knowledge } from '../c/condition.ts';
import { closing, type CFunction, type Unread } from '../c/functions.ts';
import type { ConditionalToken } from '../c/preprocess.ts';
import { parseStatements, type Statement } from '../c/statements.ts';
import type { Texts } from '../texts.ts';
import type { SourceTree } from '../tree.ts';

/** A function that is analyzed. */
export interface ProgramFunction {
  readonly key: string;
  readonly file: string;
  readonly definition: CFunction;
  readonly statements: readonly Statement[];
  readonly parameters: readonly string[];
}

/** Functions of some files, and who else may know them. */
export class Program {
  readonly functions: ReadonlyMap<string, readonly ProgramFunction[]>;
  readonly files: readonly CFile[];
  readonly #outside: Texts;
  readonly #outsideUses = new Map<string, string | undefined>();
  readonly #fileLevels = new Map<string, readonly ConditionalToken[]>();

  /** @param outside - the other files of the tree, which are only searched for names. */
  constructor(tree: SourceTree, paths: readonly string[], known: Knowledge, outside: Texts) {
    this.files = paths.filter((path) => tree.has(path)).map((path) => readCFile(tree, path, known));
    this.#outside = new Map([...outside].filter(([path]) => !paths.includes(path)));
    const functions = new Map<string, ProgramFunction[]>();
    for (const { path, functions: defined } of this.files) {
      for (const definition of defined) {
        const key = isPrivate(path, definition) ? `${path} ${definition.name}` : definition.name;
        const one = {
          key,
          file: path,
          definition,
          statements: parseStatements(definition.body),
          parameters: parameterNames(definition.parameters),
        };
        functions.set(key, [...(functions.get(key) ?? []), one]);
      }
    }
    this.functions = functions;
  }

  get unread(): readonly Unread[] {
    return this.files.flatMap(({ unread }) => unread);
  }

  /** The key of a function that a name means in a file. */
  resolve(name: string, file: string): string | undefined {
    const own = `${file} ${name}`;
    if (this.functions.has(own)) return own;
    return this.functions.has(name) ? name : undefined;
  }

  /** A file outside of the program that names a function which is not private to its file, or undefined. */
  usedOutside(key: string): string | undefined {
    if (key.includes(' ')) return undefined;
    if (!this.#outsideUses.has(key)) {
      const word = new RegExp(`\\b${key}\\b`, 'u');
      const found = [...this.#outside].find(([, text]) => text.includes(key) && word.test(text));
      this.#outsideUses.set(key, found?.[0]);
    }
    return this.#outsideUses.get(key);
  }

  /** Keys of all functions of a name, private ones too. */
  keysOf(name: string): readonly string[] {
    return [...this.functions.keys()].filter((key) => key === name || key.endsWith(` ${name}`));
  }

  /** Tokens of a file that belong to no function. */
  fileLevel({ path, tokens }: CFile): readonly ConditionalToken[] {
    const known = this.#fileLevels.get(path);
    if (known !== undefined) return known;
    const inside = new Set(
      [...this.functions.values()]
        .flat()
        .filter(({ file }) => file === path)
        .flatMap(({ definition }) => [...definition.before, ...definition.parameters, ...definition.body]),
    );
    const level = tokens.filter((token) => !inside.has(token));
    this.#fileLevels.set(path, level);
    return level;
  }
}

/** Inline functions of headers are known to all who include them. */
function isPrivate(path: string, { before }: CFunction): boolean {
  return path.endsWith('.c') && before.some(({ text }) => text === 'static');
}

/** Names of parameters: the last word of each, or the one in `(*name)(...)`. */
function parameterNames(tokens: readonly ConditionalToken[]): readonly string[] {
  const names: string[] = [];
  let depth = 0;
  let current: string | undefined;
  for (const [at, token] of tokens.entries()) {
    const { text } = token;
    if (text === '(') {
      depth++;
      if (depth === 1 && tokens[at + 1]?.text === '*') current = tokens[at + 2]?.text;
    } else if (text === ')') depth--;
    else if (depth > 0) continue;
    else if (text === ',') {
      names.push(current ?? '');
      current = undefined;
    } else if (token.kind === 'word' && tokens[at + 1]?.text !== '(' && !hasName(tokens, at, current))
      current = text;
  }
  if (current !== undefined) names.push(current);
  return names;
}

/** The name of a pointer to a function stands before its parameters and stays. */
function hasName(tokens: readonly ConditionalToken[], at: number, current: string | undefined): boolean {
  return current !== undefined && tokens[at - 1]?.text === ')';
}

/** The name in the key of a function. */
export function nameOf(key: string): string {
  return key.split(' ').at(-1) ?? key;
}

/** Declarations of a function at file level: from the statement's first token to the semicolon. */
export function declarationsOf(
  tokens: readonly ConditionalToken[],
  name: string,
): readonly (readonly ConditionalToken[])[] {
  return tokens.flatMap((token, at) => {
    if (token.kind !== 'word' || token.text !== name || tokens[at + 1]?.text !== '(') return [];
    const close = closing(tokens, at + 1);
    if (tokens[close + 1]?.text !== ';') return [];
    const before = tokens.findLastIndex(
      (one, index) => index < at && (one.kind === 'directive' || one.text === ';' || one.text === '}'),
    );
    return [tokens.slice(before + 1, close + 2)];
  });
}
