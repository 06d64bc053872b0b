import type { Knowledge } from './condition.ts';
import { findFunctions, type CFunction, type Unread } from './functions.ts';
import { preprocess, type ConditionalToken } from './preprocess.ts';
import { tokenize } from './tokens.ts';
import type { SourceTree } from '../tree.ts';
import { isKelpError, KelpError } from '@kelp/core';

/** A C file as far as it could be read. */
export interface CFile {
  readonly path: string;
  readonly tokens: readonly ConditionalToken[];
  readonly functions: readonly CFunction[];
  readonly unread: readonly Unread[];
}

/** Read a C file of a tree. One that cannot be read is returned empty, with the reason in `unread`. */
export function readCFile(tree: SourceTree, path: string, known: Knowledge): CFile {
  try {
    const tokens = preprocess(tokenize(tree.read(path), path), known, path);
    requireShallow(tokens, path);
    const { functions, unread } = findFunctions(tokens);
    return { path, tokens, functions, unread: unread.map((one) => ({ file: path, ...one })) };
  } catch (error) {
    if (!isKelpError(error)) throw error;
    const line = Number(/^line (\d+): /u.exec(error.message)?.[1] ?? 1);
    const what = `${error.message.replace(/^line \d+: /u, '')} (${error.code})`;
    return { path, tokens: [], functions: [], unread: [{ file: path, line, what }] };
  }
}

/** No source that people write nests its brackets deeper; what reads them is recursive. */
const mostDepth = 200;
const mostDirective = 100_000;

function requireShallow(tokens: readonly ConditionalToken[], file: string): void {
  let depth = 0;
  for (const { kind, text, line } of tokens) {
    if (kind === 'directive' && text.length > mostDirective) {
      throw new KelpError(
        'source/too-deep',
        `line ${line}: a preprocessor line of ${text.length} characters`,
        { file },
      );
    }
    if (kind !== 'operator') continue;
    if ('([{'.includes(text)) depth++;
    else if (')]}'.includes(text)) depth--;
    if (depth > mostDepth) {
      throw new KelpError('source/too-deep', `line ${line}: brackets nested deeper than ${mostDepth}`, {
        file,
      });
    }
  }
}
