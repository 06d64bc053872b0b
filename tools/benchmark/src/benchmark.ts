/**
 * Measures what scanning costs: CPU and memory beside a C program that walks the same uncompressed modules, and, as
 * information, the time for compressed modules by number of cores.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { kelpProgram, scan } from '../../kernels/src/kelp.ts';
import { findModules, kernelTree } from '../../kernels/src/trees.ts';
import type { CompressedBenchmark, ScanBenchmark } from './benchmark-page.ts';
import { benchmarkSections, compressedSection, cpuRatio, LIMITS, scanSection } from './benchmark-page.ts';
import { allowedCores } from './cores.ts';
import type { Command, Cost } from './measure.ts';
import { compile, measure } from './measure.ts';
import { peakMemory } from './memory.ts';
import { INTRODUCTION, withSections } from './page-section.ts';
import { spread } from './statistics.ts';
import { censusTotals, disagreements, walkTotals } from './totals.ts';

const USAGE = `usage: npm run benchmark -- --tree DIR [--compressed DIR] [--runs N] [--write]

  --tree DIR        a kernel with uncompressed modules: KERNELS/6.1-amd64
  --compressed DIR  a kernel with compressed modules: KERNELS/7.3-amd64
  --runs N          measurements of each program, default 7
  --write           write docs/benchmarks.md
`;

const PAGE = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));

/** Runs that watch memory; each looks a hundred times a second. */
const MEMORY_RUNS = 3;

interface Modules {
  readonly release: string;
  readonly folder: string;
  readonly files: readonly string[];
}

interface Tools {
  readonly folder: string;
  readonly measureProgram: string;
}

async function readModules(path: string): Promise<Modules> {
  const folder = resolve(path);
  const modules = kernelTree(dirname(folder), basename(folder))?.modules ?? folder;
  const releases = await readdir(modules);
  const files = await findModules(modules);
  if (files.length === 0) throw new Error(`no modules in ${modules}`);
  return {
    release: releases.length === 1 ? (releases[0] ?? '') : basename(folder),
    folder: modules,
    files,
  };
}

async function benchmarkScan(modules: Modules, runs: number, tools: Tools): Promise<ScanBenchmark> {
  const list = join(tools.folder, 'modules.txt');
  const output = join(tools.folder, 'walk.txt');
  await writeFile(list, modules.files.map((file) => `${file}\n`).join(''));
  const walkCommand: Command = {
    program: [await compile('walk', tools.folder)],
    input: list,
    output,
  };
  const scanCommand = scanOf(modules.folder);

  // The first run of each fills the page cache; its output shows whether both did the same work.
  await measure(tools.measureProgram, walkCommand, tools.folder);
  const totals = walkTotals(await readFile(output, 'utf8'));
  const differences = disagreements(totals, censusTotals(await scan([modules.folder])));
  if (differences.length > 0) throw new Error(`the programs disagree: ${differences.join('; ')}`);

  const walks: Cost[] = [];
  const scans: Cost[] = [];
  for (let run = 1; run <= runs; run++) {
    walks.push(await measure(tools.measureProgram, walkCommand, tools.folder));
    scans.push(await measure(tools.measureProgram, scanCommand, tools.folder));
    say(
      `run ${run}: C program ${walks.at(-1)?.cpu.toFixed(3)} s, scan ${scans.at(-1)?.cpu.toFixed(3)} s of CPU`,
    );
  }
  const memory: number[] = [];
  for (let run = 0; run < MEMORY_RUNS; run++) memory.push(await peakMemory(scanCommand));
  return {
    release: modules.release,
    totals,
    runs,
    walk: spread(walks.map(({ cpu }) => cpu)),
    scan: spread(scans.map(({ cpu }) => cpu)),
    scanWall: spread(scans.map(({ wall }) => wall)),
    largestProcess: Math.max(...scans.map(({ largest }) => largest)),
    allProcesses: Math.max(...memory),
  };
}

async function benchmarkCompressed(
  modules: Modules,
  runs: number,
  tools: Tools,
): Promise<CompressedBenchmark> {
  const allowed = await allowedCores();
  const scans: CompressedBenchmark['scans'][number][] = [];
  for (let cores = 1; cores <= allowed.length; cores++) {
    const bound = ['taskset', '-c', allowed.slice(0, cores).join(',')] as const;
    const costs = await repeat(runs, { program: [...bound, ...scanOf(modules.folder).program] }, tools);
    scans.push({
      cores,
      wall: spread(costs.map(({ wall }) => wall)),
      cpu: spread(costs.map(({ cpu }) => cpu)),
    });
    say(`${modules.release} on ${cores} cores: ${scans.at(-1)?.wall.median.toFixed(2)} s`);
  }
  return {
    release: modules.release,
    modules: modules.files.length,
    runs,
    xz: await xzCost(modules, runs, tools),
    scans,
  };
}

async function xzCost(modules: Modules, runs: number, tools: Tools): Promise<CompressedBenchmark['xz']> {
  if (!modules.files.every((file) => file.endsWith('.xz'))) return undefined;
  const list = join(tools.folder, 'compressed.txt');
  await writeFile(list, modules.files.map((file) => `${file}\0`).join(''));
  const costs = await repeat(runs, { program: ['xargs', '-0', 'xz', '-dc'], input: list }, tools);
  return spread(costs.map(({ cpu }) => cpu));
}

async function repeat(runs: number, command: Command, tools: Tools): Promise<readonly Cost[]> {
  const costs: Cost[] = [];
  for (let run = 0; run < runs; run++) costs.push(await measure(tools.measureProgram, command, tools.folder));
  return costs;
}

function scanOf(folder: string): Command {
  return { program: [process.execPath, kelpProgram(), 'scan', folder, '--json'] };
}

function excesses(result: ScanBenchmark): readonly string[] {
  const memory = Math.max(result.largestProcess, result.allProcesses);
  return [
    ...(cpuRatio(result) > LIMITS.ratio ? [`CPU ratio ${cpuRatio(result).toFixed(2)}`] : []),
    ...(memory > LIMITS.bytes ? [`memory ${(memory / 1e6).toFixed(0)} MB`] : []),
  ];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tree: { type: 'string' },
      compressed: { type: 'string' },
      runs: { type: 'string', default: '7' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs);
  if (values.help || values.tree === undefined || !Number.isSafeInteger(runs) || runs < 1) {
    say(USAGE);
    return values.help ? 0 : 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'kelp-benchmark-'));
  try {
    const tools = { folder, measureProgram: await compile('measure', folder) };
    const result = await benchmarkScan(await readModules(values.tree), runs, tools);
    say(`\n${scanSection(result)}`);
    const compressed =
      values.compressed === undefined
        ? undefined
        : await benchmarkCompressed(await readModules(values.compressed), runs, tools);
    if (compressed !== undefined) say(`\n${compressedSection(compressed)}`);
    if (values.write) {
      const all = cpus();
      const machine = {
        processor: all[0]?.model ?? 'unknown',
        cores: all.length,
        node: process.version,
      };
      await mkdir(dirname(PAGE), { recursive: true });
      const old = existsSync(PAGE) ? await readFile(PAGE, 'utf8') : '';
      const sections = benchmarkSections(machine, result, compressed);
      await writeFile(PAGE, withSections(old, INTRODUCTION, sections));
      say('written to docs/benchmarks.md');
    }
    const above = excesses(result);
    for (const excess of above) process.stderr.write(`above the limit: ${excess}\n`);
    return above.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
