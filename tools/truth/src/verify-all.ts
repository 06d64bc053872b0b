/**
 * Verifies captured kernels, loads them once more without their memory, and compares both with memory.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sumSections, type VerifiedModule, type VerifySums } from '@kelp/memory';
import { openRuns, verifyRun, type Run } from './runs.ts';
import { verifiedMemoryPage, type UnexplainedPlace, type VerifiedRun } from './verified-memory-page.ts';
import { compareUnaided, describedMachine } from './without-memory.ts';

const USAGE = `usage: npx tsx -C @kelp/source tools/truth/src/verify-all.ts FOLDER... [--write]

FOLDER is a capture folder, or a folder with capture folders somewhere below. --write writes docs/verified-memory.md.
`;

const PAGE = fileURLToPath(new URL('../../../docs/verified-memory.md', import.meta.url));

/** Executable bytes that a load without memory must get right. */
const SMALLEST_SHARE = 0.999;

async function verify(run: Run): Promise<VerifiedRun> {
  const start = process.cpuUsage();
  const verified = new Map<string, VerifiedModule>();
  for await (const module of verifyRun(run)) verified.set(module.name, module);
  const { user, system } = process.cpuUsage(start);
  const sums: VerifySums = sumSections([...verified.values()].flatMap(({ sections }) => sections));
  return {
    name: run.name,
    release: run.capture.release,
    modules: verified.size,
    sums,
    unexplained: [...verified.values()].flatMap((module) => unexplainedPlaces(run, module)),
    seconds: (user + system) / 1e6,
    unaided: await compareUnaided(run, verified),
    described: await compareUnaided(run, verified, describedMachine(verified)),
  };
}

function unexplainedPlaces(
  { capture }: Run,
  { name, sections }: VerifiedModule,
): readonly UnexplainedPlace[] {
  return sections.flatMap(({ name: section, address, unexplained }) =>
    unexplained.map(({ offset, expected, actual }) => {
      const symbol = capture.symbols.at(address + BigInt(offset))?.symbol.name ?? '';
      return { module: name, section, offset, symbol, expected, actual };
    }),
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false } },
  });
  if (positionals.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const runs: VerifiedRun[] = [];
  for (const run of openRuns(positionals)) {
    runs.push(await verify(run));
    run.capture.close();
    process.stdout.write(`${run.name}: ${runs.at(-1)?.sums.unexplained ?? 0} bytes unexplained\n`);
  }
  const page = verifiedMemoryPage(runs, SMALLEST_SHARE);
  process.stdout.write(`\n${page}`);
  if (values.write) writeFileSync(PAGE, page);
  return runs.every(({ sums }) => sums.unexplained === 0) ? 0 : 1;
}

process.exitCode = await main();
