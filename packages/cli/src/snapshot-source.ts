import { statSync } from 'node:fs';
import { FileReader, findModules } from '@kelp/census';
import { fileError, KelpError } from '@kelp/core';
import { openCaptureFolder, openLiveKernel, openVmcore, type KernelSnapshot } from '@kelp/memory';

/** A kernel and the files of its modules. */
export interface SnapshotSource {
  readonly snapshot: KernelSnapshot;
  /** Module files by the name that the kernel gives the module. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Open a capture folder, a vmcore, or with `--live` the running kernel.
 *
 * @param source - a path; undefined for the running kernel.
 * @param modules - folder of module files; needed where the source brings none.
 * @throws KelpError `file/...`, `memory/...`, `verify/no-modules`.
 */
export function openSource(source: string | undefined, modules: string | undefined): SnapshotSource {
  const given = modules === undefined ? undefined : moduleFilesIn(modules);
  if (source === undefined) {
    const snapshot = openLiveKernel();
    return { snapshot, files: given ?? moduleFilesIn(`/lib/modules/${snapshot.release}`) };
  }
  if (isFolder(source)) {
    const snapshot = openCaptureFolder(source);
    return { snapshot, files: given ?? snapshot.moduleFiles };
  }
  if (given === undefined) {
    const message = 'a dump brings no module files; give their folder with --modules';
    throw new KelpError('verify/no-modules', message, { file: source });
  }
  return { snapshot: openVmcore(source), files: given };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Module files below a folder by the name that the kernel gives the module. */
function moduleFilesIn(folder: string): ReadonlyMap<string, string> {
  if (!isFolder(folder)) throw new KelpError('file/not-a-folder', 'is no folder', { file: folder });
  const named = findModules([folder]).files.flatMap((file) => {
    const name = /([^/]+)\.ko(?:\.\w+)?$/u.exec(file)?.[1];
    return name === undefined ? [] : [[name.replaceAll('-', '_'), file] as const];
  });
  return new Map(named);
}

/** Reads module files, each into memory of its own. */
export function moduleReader(
  files: ReadonlyMap<string, string>,
): (name: string) => Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined> {
  const reader = new FileReader();
  return async (name) => {
    const file = files.get(name);
    // The reader's buffer is reused for the next file; slice() of a Buffer would share it.
    return file === undefined ? undefined : { file, bytes: new Uint8Array(await reader.read(file)) };
  };
}

/**
 * Module names as the kernel writes them, checked.
 *
 * @throws KelpError `verify/not-loaded`.
 */
export function requireLoaded(
  snapshot: KernelSnapshot,
  modules: readonly string[],
): ReadonlySet<string> | undefined {
  if (modules.length === 0) return undefined;
  const loaded = new Set(snapshot.modules.map(({ name }) => name));
  const names = modules.map((name) => name.replaceAll('-', '_'));
  const missing = names.find((name) => !loaded.has(name));
  if (missing === undefined) return new Set(names);
  throw new KelpError('verify/not-loaded', `module ${missing} is not loaded in ${snapshot.origin}`);
}
