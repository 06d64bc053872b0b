/**
 * Compares what the loader makes of real modules with what GNU ld makes of them at the same addresses: every relocated
 * field and every other byte, before finalization.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { arm64 } from '@kelp/arm64';
import { FileReader } from '@kelp/census';
import { finalizationSteps, parseKernel, type Architecture } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';
import { findModules, kernelTree, type KernelTree } from '../../kernels/src/trees.ts';
import { compareWithLinker, noCounts, type OracleCounts } from './comparison.ts';
import { linkerInput } from './linker-input.ts';
import { linkerProfiles, type LinkerProfile } from './linkers.ts';
import { MadeUpKernel } from './made-up-kernel.ts';
import { sample } from './sample.ts';

const USAGE = `usage: npx tsx -C @kelp/source tools/oracle/src/oracle.ts TREE... [--modules N] [--seed N]

TREE is an unpacked kernel: KERNELS/6.1-amd64. N modules of each are chosen at random, 100 without --modules.
`;

const architectures: ReadonlyMap<string, Architecture> = new Map([
  ['amd64', x86],
  ['arm64', arm64],
  ['ppc64el', ppc64le],
  ['s390x', s390x],
]);

/** Differences that are listed for each tree; all are counted. */
const LISTED = 20;

/** Never two sections share an address, but ranges that only the loader fills lie between them. */
const commonFlags = [
  '-N',
  '-s',
  '-e',
  '0',
  '--build-id=none',
  '--no-check-sections',
  '--no-warn-rwx-segments',
];

async function checkTree(
  tree: KernelTree,
  count: number,
  seed: number,
  folder: string,
): Promise<OracleCounts> {
  const architecture = architectures.get(tree.architecture);
  const profile = architecture === undefined ? undefined : linkerProfiles.get(architecture.id);
  if (architecture === undefined || profile === undefined)
    throw new Error(`no linker is known for ${tree.architecture}`);
  const kernel = new MadeUpKernel(architecture, parseKernel(tree.version));
  const steps = new Set(
    architecture.finalization.flatMap((order) => finalizationSteps(order)).map(({ name }) => name),
  );
  const reader = new FileReader();
  const counts = noCounts();
  for (const file of sample(await findModules(tree.modules), count, seed)) {
    const object = parseObjectFile((await reader.read(file)).slice(), file);
    const loaded = kernel.load(object, steps);
    const name = basename(file);
    if (loaded.refused !== undefined) {
      const { reason, symbol, section } = loaded.refused;
      counts.differences.push(`${name}: refused: ${reason} (${section ?? ''} ${symbol ?? ''})`);
      continue;
    }
    const input = linkerInput(kernel, profile, loaded);
    try {
      const linked = await link(input, profile, folder);
      compareWithLinker(loaded.image, input, linked, name, counts);
    } catch (error) {
      counts.differences.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return counts;
}

async function link(
  { object, script }: ReturnType<typeof linkerInput>,
  { program, flags }: LinkerProfile,
  folder: string,
): Promise<Uint8Array> {
  const [input, scriptFile, output] = ['in.o', 'layout.ld', 'out'].map((name) => join(folder, name));
  if (input === undefined || scriptFile === undefined || output === undefined) return new Uint8Array();
  await writeFile(input, object);
  await writeFile(scriptFile, script);
  execFileSync(program, [...flags, ...commonFlags, '-T', scriptFile, '-o', output, input], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  return await readFile(output);
}

function print(tree: KernelTree, counts: OracleCounts): void {
  const { modules, fields, bytes, choices, tableBytes, restoredTocPointers, entryPrologues, differences } =
    counts;
  const numbers = [
    `${modules} modules`,
    `${fields} fields`,
    `${bytes} other bytes`,
    ...(choices === 0 ? [] : [`${choices} of the fields with several PLT entries to go to`]),
    `${tableBytes} bytes of PLT, GOT and stubs not compared`,
    ...(restoredTocPointers + entryPrologues === 0
      ? []
      : [`${restoredTocPointers} words after calls`, `${entryPrologues} R_PPC64_ENTRY`]),
    `${differences.length} differences`,
  ];
  process.stdout.write(`${tree.name}: ${numbers.join(', ')}\n`);
  for (const difference of differences.slice(0, LISTED)) process.stdout.write(`  ${difference}\n`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { modules: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
  });
  const [count, seed] = [Number(values.modules), Number(values.seed)];
  if (positionals.length === 0 || !Number.isSafeInteger(count) || !Number.isSafeInteger(seed)) {
    process.stderr.write(USAGE);
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'kelp-oracle-'));
  let wrong = 0;
  try {
    for (const path of positionals) {
      const tree = kernelTree(dirname(resolve(path)), basename(resolve(path)));
      if (tree === undefined) throw new Error(`${path} is not an unpacked kernel`);
      const counts = await checkTree(tree, count, seed, folder);
      print(tree, counts);
      wrong += counts.differences.length;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return wrong === 0 ? 0 : 1;
}

process.exitCode = await main();
