/**
 * Compares the instruction decoder of @kelp/x86 with `objdump -d` on all executable sections of modules: every length,
 * the target of every direct branch and rip-relative operand, and the field that every relocation writes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FileReader, findModules } from '@kelp/census';
import { parseObjectFile } from '@kelp/core/elf';
import { sampleFiles } from '../../crosscheck/src/sample.ts';
import { disassemble } from './listing.ts';
import { addCounts, checkModule, type ModuleResult } from './module-check.ts';

const USAGE = `usage: tsx -C @kelp/source tools/disassembly/src/check.ts --modules DIR... [option...]

  --modules DIR      folder of x86-64 modules, compressed or not; may be given several times
  --sample N         modules per folder, default 500
  --all              every module
  --seed TEXT        chooses the sample, default 1
  --objdump PROGRAM  default objdump
`;

/** Differences printed per folder. */
const shown = 50;

interface Options {
  /** Modules per folder; undefined for all. */
  readonly sample: number | undefined;
  readonly seed: string;
  readonly objdump: string;
}

/** Checks one folder; returns whether there is no difference. */
async function checkFolder(folder: string, options: Options): Promise<boolean> {
  const started = performance.now();
  const { files, errors } = findModules([folder]);
  for (const { file, message } of errors) throw new Error(`${file ?? folder}: ${message}`);
  const chosen =
    options.sample === undefined ? files : sampleFiles(files, folder, options.seed, options.sample);
  if (chosen.length === 0) throw new Error(`no modules in ${folder}`);
  const results: (ModuleResult & { readonly file: string })[] = [];
  const reader = new FileReader();
  for (const file of chosen) results.push({ file, ...(await checkFile(file, reader, options.objdump)) });

  const counts = addCounts(results.map((result) => result.counts));
  const differences = results.flatMap(({ file, differences: list }) => list.map((one) => ({ file, ...one })));
  say(
    `${folder}: ${chosen.length} of ${files.length} modules, ${counts.sections} sections, ${counts.bytes} bytes, ` +
      `${counts.instructions} instructions, ${counts.targets} targets, ${counts.relocations} relocations, ` +
      `${counts.invalid} (bad) on both sides, ${differences.length} differences, ` +
      `${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  for (const { file, section, offset, what, expected, found } of differences.slice(0, shown)) {
    say(
      `  ${relative(folder, file)} ${section}+0x${offset.toString(16)}: ${what}: objdump ${expected}; found ${found}`,
    );
  }
  if (differences.length > shown) say(`  and ${differences.length - shown} more`);
  return differences.length === 0;
}

/** objdump reads no compressed modules, so each is written to a temporary file. */
async function checkFile(file: string, reader: FileReader, objdump: string): Promise<ModuleResult> {
  const bytes = await reader.read(file);
  const temporary = await mkdtemp(join(tmpdir(), 'kelp-disassembly-'));
  try {
    const plain = join(temporary, 'module.ko');
    await writeFile(plain, bytes);
    return await checkModule(parseObjectFile(bytes, file), disassemble(plain, objdump));
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await rm(temporary, { recursive: true });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      modules: { type: 'string', multiple: true, default: [] },
      sample: { type: 'string', default: '500' },
      all: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      objdump: { type: 'string', default: 'objdump' },
      help: { type: 'boolean', default: false },
    },
  });
  const sample = Number(values.sample);
  if (values.help || values.modules.length === 0 || !Number.isSafeInteger(sample) || sample < 1) {
    say(USAGE);
    return values.help ? 0 : 2;
  }
  let agreed = true;
  for (const folder of values.modules) {
    const options = { sample: values.all ? undefined : sample, seed: values.seed, objdump: values.objdump };
    agreed = (await checkFolder(resolve(folder), options)) && agreed;
  }
  return agreed ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
