import { cpSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { repository } from '../../workspace/src/source-files.ts';

/** What a workspace has no use for: results of builds, and fixtures of other architectures. */
const leftOut = new Set(['node_modules', 'dist', '.nx', '.git', 'coverage-report']);

/**
 * A copy of this repository's sources in a folder of its own. Libraries are those of this repository, `@kelp/...` are the
 * copies.
 *
 * @returns its path; the caller removes it.
 */
export function temporaryWorkspace(): string {
  const root = mkdtempSync(join(tmpdir(), 'kelp-workspace-'));
  const isWanted = (source: string): boolean =>
    !leftOut.has(basename(source)) && !/fixtures\/(?:x86|ppc64le|s390x|arm64)\//u.test(source);
  for (const entry of readdirSync(repository)) {
    if (!leftOut.has(entry))
      cpSync(`${repository}${entry}`, join(root, entry), { recursive: true, filter: isWanted });
  }
  return root;
}

/** Let the packages of a workspace find libraries, and each other. */
export function linkModules(root: string): void {
  const libraries = `${repository}node_modules`;
  mkdirSync(join(root, 'node_modules', '@kelp'), { recursive: true });
  for (const entry of readdirSync(libraries)) {
    if (entry !== '@kelp' && entry !== '.cache')
      symlinkSync(join(libraries, entry), join(root, 'node_modules', entry));
  }
  for (const folder of readdirSync(join(root, 'packages')))
    symlinkSync(join(root, 'packages', folder), join(root, 'node_modules', '@kelp', folder));
}
