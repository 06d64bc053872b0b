/**
 * Compares `kelp scan` with readelf on a random sample of each kernel's modules: sections, their sizes, the numbers of
 * entries by sizes that the kernel's headers give, and the numbers of relocations by relocated section and type must be equal.
 */
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { scan } from '../../kernels/src/kelp.ts';
import { findKernelTrees, findModules } from '../../kernels/src/trees.ts';
import type { LocatedDifferences } from './bisect.ts';
import { locateDifferences } from './bisect.ts';
import type { Facts } from './facts.ts';
import { addFacts, censusFacts, relocationTotal } from './facts.ts';
import { readelfFacts } from './readelf.ts';
import { sampleFiles } from './sample.ts';

const USAGE = `usage: npm run crosscheck -- [option...] TREE...
       npm run crosscheck -- [option...] --kernels DIR

TREE is a folder with modules; --kernels takes every kernel that "npm run kernels -- --out DIR" has fetched.

  --sample N        modules per tree, default 200
  --seed TEXT       chooses the sample, default 1
  --each            scan the files one by one instead of comparing their sum first
  --readelf PROGRAM default readelf
`;

interface Options {
  readonly sample: number;
  readonly seed: string;
  readonly each: boolean;
  readonly readelf: string;
}

interface Tree {
  readonly name: string;
  readonly folder: string;
}

/** Compares one tree; returns whether it agrees. */
async function checkTree({ name, folder }: Tree, options: Options): Promise<boolean> {
  const started = performance.now();
  const modules = await findModules(folder);
  const files = sampleFiles(modules, folder, options.seed, options.sample);
  if (files.length === 0) throw new Error(`no modules in ${folder}`);
  const expected = await readAll(files, options.readelf);
  const located = options.each
    ? await eachFile(files, expected)
    : await locateDifferences(files, expected, scanFacts);
  const sum = addFacts([...expected.values()]);
  const count = located.reduce((total, { differences }) => total + differences.length, 0);
  const sections = sum.sections.size;
  const bytes = [...sum.sections.values()].reduce((total, section) => total + section.bytes, 0);
  say(
    `${name}: ${files.length} of ${modules.length} modules, ${sections} section names, ${bytes} bytes in sections, ` +
      `${entryTotal(sum)} entries of ${sum.entries.size} tables, ` +
      `${relocationTotal(sum)} relocations of ${sum.typeModules.size} types, ${count} differences, ` +
      `${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  for (const difference of located) sayDifferences(difference);
  return count === 0;
}

async function eachFile(
  files: readonly string[],
  expected: ReadonlyMap<string, Facts>,
): Promise<readonly LocatedDifferences[]> {
  const located: LocatedDifferences[] = [];
  for (const file of files) located.push(...(await locateDifferences([file], expected, scanFacts)));
  return located;
}

async function readAll(files: readonly string[], readelf: string): Promise<ReadonlyMap<string, Facts>> {
  const facts = new Map<string, Facts>();
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      facts.set(file, await readelfFacts(file, readelf));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return facts;
}

/** A scan of modules of one kernel must find one architecture; several are added up and then differ in `modules`. */
async function scanFacts(files: readonly string[]): Promise<Facts> {
  const census = [...(await scan(files)).values()];
  for (const { file, code, message } of census.flatMap(({ failed }) => failed)) {
    say(`  scan failed: ${file}: ${code}: ${message}`);
  }
  return addFacts(census.map(censusFacts));
}

function sayDifferences({ files, differences }: LocatedDifferences): void {
  const [first = ''] = files;
  say(files.length === 1 ? `  ${first}` : `  ${files.length} files together, first ${first}`);
  for (const { what, readelf, scan: scanned } of differences) {
    say(`    ${what}: readelf ${readelf}, scan ${scanned}`);
  }
}

function entryTotal({ entries }: Facts): number {
  return [...entries.values()].reduce((sum, count) => sum + count, 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kernels: { type: 'string' },
      sample: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      each: { type: 'boolean', default: false },
      readelf: { type: 'string', default: 'readelf' },
      help: { type: 'boolean', default: false },
    },
  });
  const fetched = values.kernels === undefined ? [] : await findKernelTrees(resolve(values.kernels));
  const trees: readonly Tree[] = [
    ...fetched.map(({ name, modules }) => ({ name, folder: modules })),
    ...positionals.map((path) => ({ name: basename(resolve(path)), folder: resolve(path) })),
  ];
  const sample = Number(values.sample);
  if (values.help || trees.length === 0 || !Number.isSafeInteger(sample) || sample < 1) {
    say(USAGE);
    return values.help ? 0 : 2;
  }
  let agreed = true;
  for (const tree of trees) agreed = (await checkTree(tree, { ...values, sample })) && agreed;
  return agreed ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
