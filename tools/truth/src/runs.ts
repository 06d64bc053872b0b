import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { arm64 } from '@kelp/arm64';
import type { Architecture } from '@kelp/core';
import {
  isCaptureFolder,
  openCaptureFolder,
  verifySnapshot,
  type CaptureFolder,
  type VerifiedModule,
  type VerifyOptions,
} from '@kelp/memory';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';

/** All architectures that a run may be of. */
export const architectures: readonly Architecture[] = [x86, ppc64le, s390x, arm64];

/** A captured kernel with its modules, under the name of its folder. */
export interface Run {
  readonly name: string;
  readonly capture: CaptureFolder;
  /** Files of modules by name; for a step, those of the other steps of the boot, too. */
  readonly files: ReadonlyMap<string, string>;
}

/** Opens capture folders: those that are given, and all below other folders. */
export function openRuns(folders: readonly string[]): readonly Run[] {
  const captures = folders.flatMap(captureFolders).map((folder) => openCaptureFolder(folder));
  return captures.map((capture) => {
    const { folder, moduleFiles } = capture;
    if (!/^s\d/u.test(basename(folder))) return { name: basename(folder), capture, files: moduleFiles };
    // The steps of one boot are told apart by the folder above.
    const boot = dirname(folder);
    const others = captures.filter((one) => dirname(one.folder) === boot);
    const files = new Map([...others, capture].flatMap((one) => [...one.moduleFiles]));
    return { name: `${basename(boot)}/${basename(folder)}`, capture, files };
  });
}

function captureFolders(folder: string): readonly string[] {
  if (isCaptureFolder(folder)) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .toSorted()
    .flatMap(captureFolders);
}

/** The file of a module of a run. */
export function moduleFileOf({ files }: Run): VerifyOptions['moduleFile'] {
  return async (name) => {
    const file = files.get(name);
    return await Promise.resolve(file === undefined ? undefined : { file, bytes: readFileSync(file) });
  };
}

/**
 * Verifies all modules of a run, one after the other.
 *
 * @throws Error for a module that cannot be verified or that the prediction refuses: no table could count it.
 */
export async function* verifyRun(
  run: Run,
  options: Pick<VerifyOptions, 'without'> & { readonly architectures?: readonly Architecture[] } = {},
): AsyncGenerator<VerifiedModule> {
  const results = verifySnapshot(run.capture, {
    architectures,
    ...options,
    moduleFile: moduleFileOf(run),
  });
  for await (const result of results) {
    if ('error' in result)
      throw new Error(`${run.name}, module ${result.name}: ${result.error.message}`, { cause: result.error });
    if (result.refused !== undefined)
      throw new Error(`${run.name}, module ${result.name} is refused: ${result.refused.reason}`);
    yield result;
  }
}
