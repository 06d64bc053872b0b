/**
 * Compares the instruction decoder of @kelp/x86 with objdump on every opcode of every map, not only on those that modules
 * contain, and with the encodings that perf's tests in the kernel source list.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareEncodings, encodingImage } from './encoding-comparison.ts';
import { encodingGroups, type EncodingGroup } from './encoding-space.ts';
import { disassemble } from './listing.ts';
import { compareVectors } from './perf-vectors.ts';

const USAGE = `usage: tsx -C @kelp/source tools/disassembly/src/encodings.ts [option...]

  --objdump PROGRAM  default objdump
  --perf FILE        tools/perf/arch/x86/tests/insn-x86-dat-64.c of a kernel source
`;

/** Branches as Intel CPUs and the kernel read them. */
const binary = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel64'];

/** Differences printed per group. */
const shown = 20;

/** Checks one group; returns whether every difference has a reason. */
async function checkGroup(
  { name, encodings }: EncodingGroup,
  objdump: string,
  folder: string,
): Promise<boolean> {
  const file = join(folder, 'encodings.bin');
  const image = encodingImage([...encodings()]);
  await writeFile(file, image);
  const result = await compareEncodings(image, disassemble(file, objdump, binary));
  const unexplained = result.differences.filter(({ reason }) => reason === undefined);
  say(
    `${name}: ${result.encodings} encodings, ${result.refused} refused by both, ${result.onlyDecoded} by objdump only, ` +
      `${result.differences.length - unexplained.length} known differences, ${unexplained.length} others`,
  );
  for (const reason of new Set(result.differences.flatMap((one) => one.reason ?? [])))
    say(`  known: ${reason}`);
  for (const { encoding, objdump: printed, decoder } of unexplained.slice(0, shown)) {
    say(`  ${encoding}: objdump ${printed}; found ${decoder}`);
  }
  return unexplained.length === 0;
}

async function checkPerfVectors(file: string): Promise<boolean> {
  const { vectors, differences } = compareVectors(await readFile(file, 'utf8'));
  if (vectors === 0) throw new Error(`no encodings in ${file}`);
  say(`perf: ${vectors} encodings, ${differences.length} differences`);
  for (const line of differences.slice(0, shown)) say(`  ${line}`);
  return differences.length === 0;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      objdump: { type: 'string', default: 'objdump' },
      perf: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), 'kelp-encodings-'));
  let agreed = true;
  try {
    for (const group of encodingGroups) agreed = (await checkGroup(group, values.objdump, folder)) && agreed;
  } finally {
    await rm(folder, { recursive: true });
  }
  if (values.perf !== undefined) agreed = (await checkPerfVectors(values.perf)) && agreed;
  return agreed ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
