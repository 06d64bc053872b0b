import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebianArchitecture } from './package-choice.ts';
import { isDebianArchitecture } from './package-choice.ts';

/** One kernel unpacked by the command `kernels`. */
export interface KernelTree {
  /** Folder name: `6.12-s390x`. */
  readonly name: string;
  /** Series: `6.12`. */
  readonly version: string;
  readonly architecture: DebianArchitecture;
  /** The tree itself. */
  readonly folder: string;
  /** lib/modules or usr/lib/modules inside it. */
  readonly modules: string;
}

const MODULE_NAME = /\.ko(\.(xz|gz|zst))?$/;

/** The kernel in a folder named VERSION-ARCH; undefined where name or contents are something else. */
export function kernelTree(parent: string, name: string): KernelTree | undefined {
  const [, version = '', architecture = ''] = /^([0-9]+(?:[.][0-9]+)*)-([a-z0-9]+)$/.exec(name) ?? [];
  if (!isDebianArchitecture(architecture)) return undefined;
  const folder = join(parent, name);
  const modules = ['usr/lib/modules', 'lib/modules']
    .map((path) => join(folder, path))
    .find((path) => existsSync(path));
  return modules === undefined ? undefined : { name, version, architecture, folder, modules };
}

/** All kernels in a folder, by version and then by architecture. */
export async function findKernelTrees(parent: string): Promise<readonly KernelTree[]> {
  const names = (await readdir(parent)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return names.flatMap((name) => kernelTree(parent, name) ?? []);
}

/** Paths of all modules below a folder, compressed ones included, in the order of their names. */
export async function findModules(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && MODULE_NAME.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
