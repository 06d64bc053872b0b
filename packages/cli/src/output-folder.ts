import { mkdirSync } from 'node:fs';
import { KelpError } from '@kelp/core';

/**
 * Make the folder that a command writes. One that exists is refused: it may be a capture that cannot be made again.
 *
 * @throws KelpError `output/folder`.
 */
export function createFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const message = exists ? 'exists already; give a new folder' : `cannot be created: ${String(error)}`;
    throw new KelpError('output/folder', message, { file: folder }, { cause: error });
  }
}
