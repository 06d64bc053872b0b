/** Measures on one core what loading all modules of a kernel costs, and what verifying captured kernels costs. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sumSections } from '@kelp/memory';
import { kelpProgram } from '../../kernels/src/kelp.ts';
import { kernelTree } from '../../kernels/src/trees.ts';
import { openRuns, verifyRun, type Run } from '../../truth/src/runs.ts';
import { allowedCores } from './cores.ts';
import {
  LOAD_LIMITS,
  loadSection,
  type LoadBenchmark,
  type ProgramCost,
  type VerifyBenchmark,
} from './load-page.ts';
import { compile, measure, number, parseNumbers, type Command, type Cost } from './measure.ts';
import { INTRODUCTION, withSections } from './page-section.ts';
import { spread } from './statistics.ts';

const USAGE = `usage: npm run benchmark:load -- --tree DIR [--run DIR]... [--runs N] [--write]

  --tree DIR  a kernel for amd64 with uncompressed modules: KERNELS/6.1-amd64
  --run DIR   a capture folder to verify
  --runs N    measurements of each, default 3
  --write     write the section in docs/benchmarks.md
`;

const PAGE = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));
const LOADER = fileURLToPath(new URL('load-all.ts', import.meta.url));

interface Tools {
  readonly folder: string;
  readonly measureProgram: string;
  readonly core: number;
  readonly runs: number;
}

async function repeat(
  program: readonly string[],
  tools: Tools,
): Promise<{ cost: ProgramCost; output: string }> {
  const output = join(tools.folder, 'output.txt');
  const command: Command = { program: ['taskset', '-c', String(tools.core), ...program], output };
  const costs: Cost[] = [];
  for (let run = 0; run < tools.runs; run++)
    costs.push(await measure(tools.measureProgram, command, tools.folder));
  const cost = {
    cpu: spread(costs.map(({ cpu }) => cpu)),
    wall: spread(costs.map(({ wall }) => wall)),
    memory: Math.max(...costs.map(({ largest }) => largest)),
  };
  return { cost, output: await readFile(output, 'utf8') };
}

async function measureLoad(path: string, tools: Tools): Promise<LoadBenchmark> {
  const tree = kernelTree(dirname(resolve(path)), basename(resolve(path)));
  const release = tree === undefined ? undefined : (await readdir(tree.modules))[0];
  if (tree === undefined || release === undefined) throw new Error(`${path} is not an unpacked kernel`);
  const loader = [process.execPath, '--import', 'tsx', '-C', '@kelp/source', LOADER, tree.modules, release];
  const { cost, output } = await repeat(loader, tools);
  const values = parseNumbers(output);
  const [modules, bytes, writes, refused] = ['modules', 'bytes', 'writes', 'refused'].map((name) =>
    number(values, name),
  );
  return {
    ...cost,
    release,
    modules: modules ?? 0,
    bytes: bytes ?? 0,
    writes: writes ?? 0,
    refused: refused ?? 0,
  };
}

async function measureVerify(run: Run, tools: Tools): Promise<VerifyBenchmark> {
  const { cost } = await repeat([process.execPath, kelpProgram(), 'verify', run.capture.folder], tools);
  let [modules, bytes, code] = [0, 0, 0];
  for await (const { sections } of verifyRun(run)) {
    modules++;
    bytes += sumSections(sections).bytes;
    code += sumSections(sections.filter(({ executable }) => executable)).bytes;
  }
  return { ...cost, run: run.name, modules, bytes, code };
}

function excesses(load: LoadBenchmark, verifications: readonly VerifyBenchmark[]): readonly string[] {
  const slow = verifications.filter(({ cpu }) => cpu.median > LOAD_LIMITS.verify);
  return [
    ...(load.cpu.median > LOAD_LIMITS.load ? [`loading: ${load.cpu.median.toFixed(1)} s`] : []),
    ...(load.refused > 0 ? [`${load.refused} modules are refused`] : []),
    ...slow.map(({ run, cpu }) => `verifying ${run}: ${cpu.median.toFixed(1)} s`),
  ];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tree: { type: 'string' },
      run: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs);
  if (values.tree === undefined || !Number.isSafeInteger(runs) || runs < 1) {
    process.stderr.write(USAGE);
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'kelp-benchmark-'));
  try {
    const core = (await allowedCores())[0] ?? 0;
    const tools = { folder, measureProgram: await compile('measure', folder), core, runs };
    const load = await measureLoad(values.tree, tools);
    const verifications: VerifyBenchmark[] = [];
    for (const run of openRuns(values.run)) verifications.push(await measureVerify(run, tools));
    const machine = { processor: cpus()[core]?.model ?? 'unknown', node: process.version };
    const section = loadSection(machine, runs, load, verifications);
    process.stdout.write(section);
    if (values.write) {
      const old = existsSync(PAGE) ? await readFile(PAGE, 'utf8') : '';
      await writeFile(PAGE, withSections(old, INTRODUCTION, section));
    }
    const above = excesses(load, verifications);
    for (const excess of above) process.stderr.write(`above the limit: ${excess}\n`);
    return above.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true });
  }
}

process.exitCode = await main();
