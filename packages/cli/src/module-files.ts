import { basename } from 'node:path';
import { FileReader, findModules } from '@kelp/census';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';

/** The name that a module file has at run time: without extensions, with underscores. */
function runtimeName(file: string): string {
  return basename(file)
    .replace(/\.ko(?:\.(?:xz|gz|zst))?$/u, '')
    .replaceAll('-', '_');
}

/** Modules of a folder, by their names at run time. */
export interface ModuleFiles {
  /** Those that were asked for, as far as the folder has them. */
  readonly wanted: ReadonlyMap<string, ObjectFile>;
  /** Any module of the folder: it tells how the kernel was built. */
  readonly any: ObjectFile | undefined;
}

/**
 * Read some modules of a folder tree such as /lib/modules/RELEASE.
 *
 * @throws KelpError for a folder or a file that cannot be read.
 */
export async function readModules(folder: string, names: ReadonlySet<string>): Promise<ModuleFiles> {
  const { files, errors } = findModules([folder]);
  const [error] = errors;
  if (error !== undefined && files.length === 0) throw error;
  const modules = files.filter((file) => runtimeName(file) !== 'vmlinux');
  const reader = new FileReader();
  const open = async (file: string): Promise<ObjectFile> =>
    // The reader keeps one buffer, and several files stay in use.
    parseObjectFile((await reader.read(file)).slice(), file);
  const wanted = new Map<string, ObjectFile>();
  for (const file of modules) {
    const name = runtimeName(file);
    if (names.has(name) && !wanted.has(name)) wanted.set(name, await open(file));
  }
  const [first] = modules;
  const any = wanted.values().next().value ?? (first === undefined ? undefined : await open(first));
  return { wanted, any };
}
