/**
 * Compares `kelp lifecycle` with a second loader that was written from the kernel's sources: verdicts, messages and every
 * byte of generated livepatches after each step of their lives.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Case, Outcome } from './cases.ts';
import { compareCase } from './compare.ts';

const USAGE = `usage: npm run late-relocation -- [--quick] [--architecture NAME] [--series N] [--list N]

Needs python3. --quick leaves most cases out; --list shows so many differences of each kernel (10).
`;

const home = resolve(import.meta.dirname, '..');

/** Kernels with livepatch whose sources the second loader follows. */
const kernels: readonly (readonly [architecture: string, series: string])[] = [
  ...['x86', 'ppc64le', 's390x'].flatMap((name) =>
    ['6.1', '6.12', '7.2', '7.3'].map((series) => [name, series] as const),
  ),
  ['arm64', '7.2'],
  ['arm64', '7.3'],
];

/** Totals of one kernel. */
interface Totals {
  readonly cases: number;
  readonly steps: number;
  readonly bytes: number;
  readonly refusals: number;
  readonly deaths: number;
  readonly differences: readonly string[];
  /** By the reason why they are known. */
  readonly known: ReadonlyMap<string, number>;
}

function python(module: string, ...parameters: readonly string[]): void {
  execFileSync('python3', ['-m', module, ...parameters], {
    cwd: home,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function readCases(folder: string): readonly (readonly [string, Case, readonly Outcome[]])[] {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const [cases, outcomes] = [read('cases.json'), read('outcomes.json')];
  if (!isObject<Case>(cases) || !isObject<readonly Outcome[]>(outcomes))
    throw new Error('no cases were written');
  return Object.entries(cases).map(([name, one]) => [name, one, outcomes[name] ?? []]);
}

/** Both files are written by what this tool has just run. */
function isObject<Member>(value: unknown): value is Readonly<Record<string, Member>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compareKernel(architecture: string, series: string, quick: boolean): Totals {
  const folder = mkdtempSync(join(tmpdir(), 'kelp-late-relocation-'));
  try {
    const only = ['--architecture', architecture, '--series', series];
    python('livepatches', folder, ...only, ...(quick ? ['--quick'] : []));
    python('second_loader', folder);
    const totals = { cases: 0, steps: 0, bytes: 0, refusals: 0, deaths: 0 };
    const differences: string[] = [];
    const known = new Map<string, number>();
    for (const [name, one, outcomes] of readCases(folder)) {
      const { steps, bytes, difference } = compareCase(one, outcomes, folder);
      totals.cases++;
      totals.steps += steps;
      totals.bytes += bytes;
      totals.refusals += outcomes.filter(({ refused }) => refused !== undefined).length;
      totals.deaths += outcomes.filter(({ died }) => died !== undefined).length;
      if (difference?.known !== undefined)
        known.set(difference.known, (known.get(difference.known) ?? 0) + 1);
      else if (difference !== undefined) differences.push(`${name}: ${difference.text}`);
    }
    return { ...totals, differences, known };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function main(): number {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      architecture: { type: 'string' },
      series: { type: 'string' },
      list: { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  process.stdout.write(
    '| kernel | cases | steps | bytes | refused | dies | known differences | differences |\n',
  );
  process.stdout.write('|---|---:|---:|---:|---:|---:|---:|---:|\n');
  let different = 0;
  for (const [architecture, series] of kernels) {
    if (![undefined, architecture].includes(values.architecture)) continue;
    if (![undefined, series].includes(values.series)) continue;
    const { cases, steps, bytes, refusals, deaths, differences, known } = compareKernel(
      architecture,
      series,
      values.quick,
    );
    const knownCount = [...known.values()].reduce((sum, count) => sum + count, 0);
    const numbers = [cases, steps, bytes, refusals, deaths, knownCount, differences.length];
    const cells = numbers.map((number) => number.toLocaleString('en-US'));
    process.stdout.write(`| ${architecture} ${series} | ${cells.join(' | ')} |\n`);
    for (const difference of differences.slice(0, Number(values.list)))
      process.stderr.write(`${difference}\n`);
    different += differences.length;
  }
  return different === 0 ? 0 : 1;
}

process.exitCode = main();
