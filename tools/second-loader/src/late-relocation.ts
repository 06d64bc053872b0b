/**
 * Compares `kelp lifecycle` with a second loader that was written from the kernel's sources: verdicts, messages and every
 * byte of generated livepatches after each step of their lives.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Case, Outcome } from './cases.ts';
import { compareCase } from './compare.ts';
import { unexpected } from './expected-outcomes.ts';
import { architectures } from './kelp-play.ts';
import { outcomeTable, reloadOutcome, type ReloadOutcome } from './reload-outcomes.ts';

const USAGE = `usage: npm run late-relocation -- [--quick] [--architecture NAME] [--series N] [--list N] [--docs]

Needs python3. --quick leaves most cases out; --list shows so many differences of each kernel (10); --docs writes
docs/late-relocation.md.
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
  readonly reloads: readonly ReloadOutcome[];
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
    const reloads: ReloadOutcome[] = [];
    for (const [name, one, outcomes] of readCases(folder)) {
      const { steps, bytes, difference } = compareCase(one, outcomes, folder);
      const reload = reloadOutcome(name, one, folder);
      if (reload !== undefined) reloads.push(reload);
      totals.cases++;
      totals.steps += steps;
      totals.bytes += bytes;
      totals.refusals += outcomes.filter(({ refused }) => refused !== undefined).length;
      totals.deaths += outcomes.filter(({ died }) => died !== undefined).length;
      if (difference?.known !== undefined)
        known.set(difference.known, (known.get(difference.known) ?? 0) + 1);
      else if (difference !== undefined) differences.push(`${name}: ${difference.text}`);
    }
    return { ...totals, differences, known, reloads };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Markdown as it comes, and in the end the whole of it for the page. */
class Output {
  text = '';

  line(line = ''): void {
    this.text += `${line}\n`;
    process.stdout.write(`${line}\n`);
  }
}

interface Options {
  readonly quick: boolean;
  readonly architecture: string | undefined;
  readonly series: string | undefined;
  readonly list: number;
}

/** Compare all kernels that are wanted; the number of differences and of unexpected outcomes. */
function compareKernels(
  { quick, architecture: only, series: single, list }: Options,
  output: Output,
): number {
  const tables = new Map<string, Map<string, readonly ReloadOutcome[]>>();
  const complaints: string[] = [];
  output.line('| kernel | cases | steps | bytes | refused | dies | known differences | differences |');
  output.line('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const [architecture, series] of kernels) {
    if (![undefined, architecture].includes(only) || ![undefined, series].includes(single)) continue;
    const totals = compareKernel(architecture, series, quick);
    const { cases, steps, bytes, refusals, deaths, differences, known, reloads } = totals;
    const knownCount = [...known.values()].reduce((sum, count) => sum + count, 0);
    const numbers = [cases, steps, bytes, refusals, deaths, knownCount, differences.length];
    const cells = numbers.map((number) => number.toLocaleString('en-US'));
    output.line(`| ${architecture} ${series} | ${cells.join(' | ')} |`);
    const own = [...differences, ...unexpected(architecture, series, reloads)];
    for (const complaint of own.slice(0, list)) process.stderr.write(`${complaint}\n`);
    complaints.push(...own);
    const outcomes = tables.get(architecture) ?? new Map<string, readonly ReloadOutcome[]>();
    tables.set(architecture, outcomes.set(series, reloads));
  }
  output.line();
  output.line('## The second application');
  for (const architecture of architectures) {
    const outcomes = tables.get(architecture.id);
    if (outcomes === undefined) continue;
    output.line();
    output.line(`### ${architecture.title}`);
    output.line();
    for (const row of outcomeTable(architecture, outcomes)) output.line(row);
  }
  return complaints.length;
}

const preface = readFileSync(join(home, 'late-relocation.md'), 'utf8');

function main(): number {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      architecture: { type: 'string' },
      series: { type: 'string' },
      list: { type: 'string', default: '10' },
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { quick, architecture, series, list } = values;
  const output = new Output();
  const complaints = compareKernels({ quick, architecture, series, list: Number(list) }, output);
  if (values.docs) writeFileSync(join(home, '../../docs/late-relocation.md'), `${preface}\n${output.text}`);
  return complaints === 0 ? 0 : 1;
}

process.exitCode = main();
