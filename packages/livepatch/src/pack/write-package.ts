import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileError, KelpError } from '@kelp/core';
import { packTar } from 'modern-tar';
import type { PackageEntry } from './plan-package.ts';

/**
 * The entries as a tar archive (ustar): in the order in which they are given, owned by root, without times, so that
 * the same entries give the same bytes.
 *
 * @throws KelpError `pack/path` for an entry that would leave the root.
 */
export async function tarPackage(entries: readonly PackageEntry[]): Promise<Uint8Array> {
  return packTar(
    entries.map(({ path, bytes }) => {
      insideOf('/', path);
      const header = {
        name: path,
        type: 'file',
        size: bytes.length,
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: 'root',
        gname: 'root',
        mtime: new Date(0),
      } as const;
      return { header, body: bytes };
    }),
  );
}

/**
 * Write the entries below a new folder, all of them or nothing: they are put into a folder beside it first.
 *
 * @throws KelpError `pack/exists` if there is something already, `pack/path` for an entry that would leave the root,
 *   `output/unwritable`.
 */
export function writePackage(folder: string, entries: readonly PackageEntry[]): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined)
    throw new KelpError('pack/exists', 'there is something already; give a new folder', { file: folder });
  let temporary: string | undefined;
  try {
    temporary = mkdtempSync(join(dirname(resolve(folder)), '.kelp-'));
    const root = join(temporary, 'root');
    mkdirSync(root);
    writeEntries(root, entries);
    renameSync(root, folder);
  } catch (error) {
    if (error instanceof KelpError) throw error;
    throw new KelpError(
      'output/unwritable',
      `cannot be written: ${fileError(error, folder).message}`,
      { file: folder },
      { cause: error },
    );
  } finally {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  }
}

/** Write entries below a folder that nobody else writes to. */
export function writeEntries(root: string, entries: readonly PackageEntry[]): void {
  for (const { path, bytes } of entries) {
    const file = insideOf(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes, { flag: 'wx', mode: 0o644 });
  }
}

/** The place of an entry below a root. */
function insideOf(root: string, path: string): string {
  const [top, file] = [resolve(root), resolve(root, path)];
  const isInside = file.startsWith(top.endsWith(sep) ? top : `${top}${sep}`);
  const isPlain =
    !path.startsWith('/') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (isInside && isPlain && !path.includes('\0')) return file;
  throw new KelpError('pack/path', `${JSON.stringify(path)} would leave the package`);
}
