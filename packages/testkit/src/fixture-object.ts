import { parseKernel, type Kernel } from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import type { FixtureModule } from './fixtures.ts';

/** A fixture module with the kernel that it is built for. */
export interface FixtureObject {
  readonly file: string;
  readonly object: ObjectFile;
  readonly kernel: Kernel;
}

/**
 * Parse a fixture module; its vermagic names the kernel.
 *
 * @throws KelpError for a file that is no module.
 */
export function openFixture(file: string, { bytes, configuration }: FixtureModule): FixtureObject {
  const object = parseObjectFile(bytes, file);
  const modinfo = object.section('.modinfo')?.bytes ?? new Uint8Array();
  const release = findModinfoValue(modinfo, 'vermagic')?.split(' ', 1)[0] ?? '';
  return { file, object, kernel: parseKernel(release, configuration) };
}
