/**
 * Scans every kernel that the command `kernels` fetched and writes the coverage matrix of all of them. Fails when a
 * file could not be read, when a relocation has a type that no table names, or when a kernel has no modules.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runKelp, scanInto } from './kelp.ts';
import { summarize } from './summary.ts';
import type { KernelTree } from './trees.ts';
import { findKernelTrees, findModules } from './trees.ts';

const USAGE = `usage: npm run proof -- --kernels DIR [--census DIR] [--output FILE]

  --kernels DIR   what "npm run kernels -- --out DIR" has fetched
  --census DIR    where the census of each kernel goes, default KERNELS/census
  --output FILE   default docs/coverage-matrix.md
`;

const DEFAULT_OUTPUT = fileURLToPath(new URL('../../../docs/coverage-matrix.md', import.meta.url));

async function proveTree(tree: KernelTree, censusFile: string): Promise<boolean> {
  const started = performance.now();
  const moduleFiles = await findModules(tree.modules);
  const summary = summarize(await scanInto([tree.modules], censusFile), moduleFiles.length);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(
    `${tree.name}: ${summary.modules} modules, ${summary.relocations} relocations, ` +
      `${summary.sections} section names, ${summary.faults.length} faults, ${seconds} s`,
  );
  for (const fault of summary.faults) say(`  fault: ${fault}`);
  for (const name of summary.unexplained) say(`  special and unknown: ${name}`);
  return summary.faults.length === 0;
}

async function writeMatrix(censusFiles: readonly string[], output: string): Promise<void> {
  const partial = `${output}.partial`;
  await mkdir(dirname(output), { recursive: true });
  const status = await runKelp(['matrix', '--census', ...censusFiles, '--format', 'markdown'], partial);
  // Status 1: the matrix lists something that is not covered, which is for its readers.
  if (status > 1) {
    await rm(partial);
    throw new Error(`kelp matrix ended with status ${status}`);
  }
  await rename(partial, output);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kernels: { type: 'string' },
      census: { type: 'string' },
      output: { type: 'string', default: DEFAULT_OUTPUT },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.kernels === undefined) {
    say(USAGE);
    return values.help ? 0 : 2;
  }
  const folder = resolve(values.kernels);
  const censusFolder = resolve(values.census ?? join(folder, 'census'));
  const trees = await findKernelTrees(folder);
  if (trees.length === 0) throw new Error(`no kernel such as 6.1-s390x in ${folder}`);
  await mkdir(censusFolder, { recursive: true });
  const censusFiles = trees.map(({ name }) => join(censusFolder, `${name}.json`));
  let proved = true;
  for (const [index, tree] of trees.entries()) {
    proved = (await proveTree(tree, censusFiles[index] ?? '')) && proved;
  }
  await writeMatrix(censusFiles, resolve(values.output));
  say(`matrix of ${trees.length} kernels written to ${values.output}`);
  return proved ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
