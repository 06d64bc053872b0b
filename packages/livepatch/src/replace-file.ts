import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
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
 * Give a file new contents, whole or not at all: they are written to a folder beside it, flushed, and renamed over it.
 * Where that fails, the file is as it was and nothing is left beside it. A symbolic link is followed.
 *
 * @throws KelpError `output/not-a-file`, `output/full`, `output/unwritable`.
 */
export function replaceFile(path: string, bytes: Uint8Array, calls: FileCalls = system): void {
  let folder: string | undefined;
  try {
    const { target, mode } = destination(path);
    folder = mkdtempSync(join(dirname(target), '.kelp-'));
    const temporary = join(folder, basename(target));
    const descriptor = openSync(temporary, 'wx', mode);
    try {
      for (let written = 0; written < bytes.length;) written += calls.write(descriptor, bytes, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    throw outputError(error, path);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
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
