import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a tree keeps of its packages: modules, and the configuration and image of kernels before 7.2. */
const KEPT_FOLDERS = ['lib/modules', 'usr/lib/modules', 'boot'];

/** Orders two versions as Debian policy does (epoch, tildes, revisions); negative where `a` is older. */
export function compareDebianVersions(a: string, b: string): number {
  const holds = (relation: 'lt' | 'gt'): boolean => {
    const { status, error } = spawnSync('dpkg', ['--compare-versions', a, relation, b]);
    if (error !== undefined) throw error;
    return status === 0;
  };
  if (holds('lt')) return -1;
  return holds('gt') ? 1 : 0;
}

/**
 * Unpacks a kernel's packages into one tree, with a file `packages.txt` that says what it was made of. The tree
 * appears under its name only when it is complete, so an interrupted run leaves nothing that looks finished.
 */
export async function unpackKernel(
  packageFiles: readonly string[],
  tree: string,
  contents: readonly string[],
): Promise<void> {
  await buildFolder(tree, async (unpacked, partial) => {
    for (const file of packageFiles) await run('dpkg-deb', ['-x', file, unpacked]);
    for (const folder of KEPT_FOLDERS.filter((name) => existsSync(join(unpacked, name)))) {
      await mkdir(dirname(join(partial, folder)), { recursive: true });
      await rename(join(unpacked, folder), join(partial, folder));
    }
    await writeFile(join(partial, 'packages.txt'), `${contents.join('\n')}\n`);
  });
}

/** Unpacks the tar archive inside a linux-source package; the tree's top is the kernel's. */
export async function unpackSource(
  packageFile: string,
  tree: string,
  contents: readonly string[],
): Promise<void> {
  await buildFolder(tree, async (unpacked, partial) => {
    await run('dpkg-deb', ['-x', packageFile, unpacked]);
    const folder = join(unpacked, 'usr/src');
    const archive = (await readdir(folder)).find((name) => /^linux-source-.*\.tar\.[a-z0-9]+$/.test(name));
    if (archive === undefined) throw new Error(`no linux-source archive in usr/src of ${packageFile}`);
    await mkdir(partial, { recursive: true });
    await run('tar', ['-x', '-f', join(folder, archive), '-C', partial, '--strip-components=1']);
    await writeFile(join(partial, 'packages.txt'), `${contents.join('\n')}\n`);
  });
}

async function buildFolder(
  folder: string,
  build: (unpacked: string, partial: string) => Promise<void>,
): Promise<void> {
  const unpacked = `${folder}.unpacked`;
  const partial = `${folder}.partial`;
  const clean = async (): Promise<void> => {
    await rm(unpacked, { recursive: true, force: true });
    await rm(partial, { recursive: true, force: true });
  };
  await clean();
  await mkdir(unpacked, { recursive: true });
  await build(unpacked, partial);
  await rename(partial, folder);
  await clean();
}
