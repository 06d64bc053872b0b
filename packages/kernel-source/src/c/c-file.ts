import type { Knowledge } from './condition.ts';
import { findFunctions, type CFunction, type Unread } from './functions.ts';
import { preprocess, type ConditionalToken } from './preprocess.ts';
import { tokenize } from './tokens.ts';
import type { SourceTree } from '../tree.ts';
import { isKelpError } from '@kelp/core';

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
    const { functions, unread } = findFunctions(tokens);
    return { path, tokens, functions, unread: unread.map((one) => ({ file: path, ...one })) };
  } catch (error) {
    if (!isKelpError(error)) throw error;
    const line = Number(/^line (\d+): /u.exec(error.message)?.[1] ?? 1);
    const what = `${error.message.replace(/^line \d+: /u, '')} (${error.code})`;
    return { path, tokens: [], functions: [], unread: [{ file: path, line, what }] };
  }
}
