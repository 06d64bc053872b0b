/**
 * Loads all modules of a kernel for x86 at consecutive addresses, all imports resolved, and prints what
 * that came to.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseKernel } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { x86 } from '@kelp/x86';
import { findModules } from '../../kernels/src/trees.ts';
import { MadeUpKernel } from '../../oracle/src/made-up-kernel.ts';

async function loadAll(folder: string, release: string): Promise<void> {
  const kernel = new MadeUpKernel(x86, parseKernel(release));
  let [modules, bytes, writes, refused] = [0, 0, 0, 0];
  for (const file of await findModules(folder)) {
    const loaded = kernel.load(parseObjectFile(readFileSync(file), file));
    if (loaded.refused !== undefined) {
      refused++;
      process.stderr.write(`${basename(file)} is refused: ${loaded.refused.reason}\n`);
    }
    modules++;
    bytes += loaded.areas.reduce((sum, { size }) => sum + size, 0);
    writes += loaded.image.log.count;
  }
  process.stdout.write(`modules ${modules}\nbytes ${bytes}\nwrites ${writes}\nrefused ${refused}\n`);
}

const [folder, release] = process.argv.slice(2);
if (folder === undefined || release === undefined) {
  process.stderr.write('usage: load-all.ts FOLDER RELEASE\n');
  process.exitCode = 2;
} else {
  await loadAll(folder, release);
}
