import { KelpError } from '@kelp/core';

const codes: ReadonlyMap<string, readonly [code: `memory/${string}`, message: string]> = new Map([
  ['ENOENT', ['memory/not-found', 'no such file or folder']],
  ['ENOTDIR', ['memory/not-found', 'a part of the path is not a folder']],
  ['ELOOP', ['memory/not-found', 'too many symbolic links']],
  ['EACCES', ['memory/permission', 'permission denied']],
  ['EPERM', ['memory/permission', 'operation not permitted']],
  ['EISDIR', ['memory/not-a-file', 'is a folder']],
]);

/** The KelpError of a failed file-system call: `memory/not-found`, `/permission`, `/not-a-file` or `/unreadable`. */
export function fileFault(error: unknown, file: string): KelpError {
  if (error instanceof KelpError) return error;
  const known = codes.get(systemCode(error) ?? '');
  const [code, message] =
    known ?? (['memory/unreadable', error instanceof Error ? error.message : String(error)] as const);
  return new KelpError(code, message, { file }, { cause: error });
}

/** The errno name of a failed system call, `ENOENT`, or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
