import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

// Here and not in a suite, whose end would remove what others use.
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

/** A folder for one test file, removed when its tests have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kelp-source-'));
  made.push(folder);
  return folder;
}

/** Write a source tree: path to text. A Makefile and the folders that a tree of Linux has are there anyway. */
export function buildTree(
  files: Readonly<Record<string, string>>,
  version: readonly number[] = [6, 12, 3],
): string {
  const root = temporaryFolder();
  const [major, minor, patch] = version;
  const all = {
    Makefile: `VERSION = ${major}\nPATCHLEVEL = ${minor}\nSUBLEVEL = ${patch}\nEXTRAVERSION =\n`,
    'arch/Kconfig': '# options of all\n',
    'include/linux/empty.h': '',
    'kernel/empty.c': '',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
