import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileError, type KelpError } from '@kelp/core';

/** Files to scan, and the paths that could not be looked at. */
export interface FoundModules {
  /** In the order of the arguments; inside a folder by name. */
  readonly files: readonly string[];
  readonly errors: readonly KelpError[];
}

const moduleName = /\.ko(?:\.(?:xz|gz|zst))?$|^vmlinux$/u;

/**
 * Find module files: a file is taken whatever its name, a folder is searched for `*.ko`, `*.ko.xz`, `*.ko.gz`,
 * `*.ko.zst` and `vmlinux`. Symbolic links to folders are not followed, so a /lib/modules tree with its `build` and
 * `source` links ends.
 */
export function findModules(paths: readonly string[]): FoundModules {
  const files: string[] = [];
  const errors: KelpError[] = [];
  for (const path of paths) {
    try {
      if (statSync(path).isDirectory()) searchFolder(path, files, errors);
      else files.push(path);
    } catch (error) {
      errors.push(fileError(error, path));
    }
  }
  return { files, errors };
}

function searchFolder(folder: string, files: string[], errors: KelpError[]): void {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    errors.push(fileError(error, folder));
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) searchFolder(path, files, errors);
    else if (moduleName.test(entry.name)) files.push(path);
  }
}
