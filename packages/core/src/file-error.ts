import { KelpError } from './errors.ts';

const codes: ReadonlyMap<string, readonly [code: `file/${string}`, message: string]> = new Map([
  ['ENOENT', ['file/not-found', 'no such file or folder']],
  ['EACCES', ['file/permission', 'permission denied']],
  ['EPERM', ['file/permission', 'operation not permitted']],
  ['EISDIR', ['file/not-a-file', 'is a folder']],
  ['ENXIO', ['file/not-a-file', 'is a socket']],
  ['ENOTDIR', ['file/not-found', 'a part of the path is not a folder']],
  ['ELOOP', ['file/not-found', 'too many symbolic links']],
]);

/**
 * The KelpError of a failed file-system call: `file/not-found`, `/permission`, `/not-a-file` or `/unreadable`. A KelpError
 * stays what it is.
 */
export function fileError(error: unknown, path: string): KelpError {
  if (error instanceof KelpError) return error;
  const system = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const known = system === undefined ? undefined : codes.get(system);
  const [code, message] =
    known ?? (['file/unreadable', error instanceof Error ? error.message : String(error)] as const);
  return new KelpError(code, message, { file: path }, { cause: error });
}
