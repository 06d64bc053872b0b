/** Loads all modules of a kernel for x86 at consecutive addresses, all imports resolved, and prints what that was as JSON. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseKernel } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { x86 } from '@kelp/x86';
import { findModules } from '../../kernels/src/trees.ts';
import { MadeUpKernel } from '../../oracle/src/made-up-kernel.ts';

/** What loading came to. */
export interface LoadTotals {
  readonly modules: number;
  /** Bytes of all memory areas. */
  readonly bytes: number;
  /** Changes of that memory, relocations first of all. */
  readonly writes: number;
  /** Reasons for which a kernel would refuse modules. */
  readonly refused: readonly string[];
}

async function loadAll(folder: string, release: string): Promise<LoadTotals> {
  const kernel = new MadeUpKernel(x86, parseKernel(release));
  const refused: string[] = [];
  let [modules, bytes, writes] = [0, 0, 0];
  for (const file of await findModules(folder)) {
    const loaded = kernel.load(parseObjectFile(readFileSync(file), file));
    if (loaded.refused !== undefined) refused.push(`${basename(file)}: ${loaded.refused.reason}`);
    modules++;
    bytes += loaded.areas.reduce((sum, { size }) => sum + size, 0);
    writes += loaded.image.log.count;
  }
  return { modules, bytes, writes, refused };
}

const [folder, release] = process.argv.slice(2);
if (folder === undefined || release === undefined) {
  process.stderr.write('usage: load-all.ts FOLDER RELEASE\n');
  process.exitCode = 2;
} else {
  process.stdout.write(`${JSON.stringify(await loadAll(folder, release))}\n`);
}
