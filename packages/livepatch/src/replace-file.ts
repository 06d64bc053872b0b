import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileError, KelpError } from '@kelp/core';

/** The calls that {@link replaceFile} makes; tests pass a disk that is full. */
export interface FileCalls {
  readonly write: (descriptor: number, bytes: Uint8Array, offset: number) => number;
}

const system: FileCalls = { write: (descriptor, bytes, offset) => writeSync(descriptor, bytes, offset) };

/**
 * Give a file new contents, whole or not at all: they are written beside it, flushed, and renamed over it. Where that
 * fails, the file is as it was and nothing is left beside it. A symbolic link is followed.
 *
 * @throws KelpError `output/not-a-file`, `output/full`, `output/unwritable`.
 */
export function replaceFile(path: string, bytes: Uint8Array, calls: FileCalls = system): void {
  let temporary: string | undefined;
  try {
    const { target, mode } = destination(path);
    temporary = join(dirname(target), `.${basename(target).slice(0, 200)}.${process.pid}.kelp`);
    const descriptor = openSync(temporary, 'wx', mode);
    try {
      for (let written = 0; written < bytes.length;) written += calls.write(descriptor, bytes, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined) discard(temporary, error);
    throw outputError(error, path);
  }
}

function destination(path: string): { readonly target: string; readonly mode: number } {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return { target: path, mode: 0o666 };
  const target = status.isSymbolicLink() ? realpathSync(path) : path;
  const found = lstatSync(target);
  if (!found.isFile()) throw new KelpError('output/not-a-file', 'is not a regular file', { file: path });
  return { target, mode: found.mode & 0o777 };
}

/** Somebody else's file of the same name is left alone. */
function discard(temporary: string, error: unknown): void {
  if (errorCode(error) === 'EEXIST') return;
  try {
    unlinkSync(temporary);
  } catch {
    // It was never made, or the folder is gone; the first error says why.
  }
}

function outputError(error: unknown, path: string): KelpError {
  if (error instanceof KelpError) return error;
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errorCode(error) ?? '');
  const code = full ? 'output/full' : 'output/unwritable';
  const message = full
    ? 'no space left; the file is as it was before'
    : `cannot be written: ${fileError(error, path).message}`;
  return new KelpError(code, message, { file: path }, { cause: error });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
