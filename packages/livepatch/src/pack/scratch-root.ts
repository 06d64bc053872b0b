import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileError } from '@kelp/core';
import type { PackagePlan } from './plan-package.ts';
import { writeEntries } from './write-package.ts';

/** What depmod needs beside modules; everything else of the name `modules.*` it makes itself. */
const listed = new Set(['modules.builtin', 'modules.builtin.modinfo', 'modules.order']);

/**
 * Do something with a root that has the modules of a kernel, as links, and a package installed over them. The root is
 * gone afterwards.
 *
 * @param modules - folder `lib/modules/RELEASE` of the kernel.
 * @throws KelpError `file/...` for a folder that cannot be read.
 */
export function withScratchRoot<Result>(
  plan: PackagePlan,
  modules: string,
  action: (root: string) => Result,
): Result {
  const root = mkdtempSync(join(tmpdir(), 'kelp-pack-'));
  try {
    linkTree(resolve(modules), join(root, 'lib', 'modules', plan.paths.release), plan.paths.folder);
    writeEntries(root, plan.entries);
    return action(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Link what is in a folder; `updates` is made anew, since the package adds to it. */
function linkTree(from: string, to: string, packed: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of entriesOf(from)) {
    if (name.startsWith('modules.') && !listed.has(name)) continue;
    if (name !== 'updates') symlinkSync(join(from, name), join(to, name));
  }
  if (!entriesOf(from).includes('updates')) return;
  mkdirSync(join(to, 'updates'));
  for (const name of entriesOf(join(from, 'updates')))
    if (`updates/${name}` !== packed) symlinkSync(join(from, 'updates', name), join(to, 'updates', name));
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw fileError(error, folder);
  }
}
