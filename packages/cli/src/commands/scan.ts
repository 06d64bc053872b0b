import { availableParallelism } from 'node:os';
import { CensusBuilder, censusReport, FileScanner, findModules, shardOf, type Census } from '@kelp/census';
import { KelpError } from '@kelp/core';
import { Command, InvalidArgumentError } from 'commander';
import { architectures } from '../architectures.ts';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { printReport } from '../print.ts';
import { startProgress } from '../progress.ts';
import { scanInParallel } from '../worker-pool.ts';
import { failuresOf, writeCensus } from '../write-census.ts';

interface ScanFlags {
  readonly json?: true;
  readonly jobs: number;
  readonly output?: string;
  readonly shard?: Shard;
}

/** One of `of` parts of the work, from 0. */
interface Shard {
  readonly index: number;
  readonly of: number;
}

/** `kelp scan PATH...`: status 2 where a file failed. */
export function scanCommand(io: Io, finish: Finish): Command {
  return new Command('scan')
    .description('count relocation types and special sections of modules')
    .argument('<path...>', 'modules, kernel images, folders such as /lib/modules')
    .option('--jobs <number>', 'processes for compressed modules', parseJobs, availableParallelism())
    .option('-o, --output <file>', 'write the census to this file, for kelp merge, diff and matrix')
    .option('--shard <I/N>', 'only part I of N: kelp merge makes one census of all parts', parseShard)
    .option('--json', 'print the census as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 all files counted, 2 some could not be; the others are counted all the same.',
    )
    .action(async (paths: readonly string[], flags: ScanFlags) => {
      const census = await scan(paths, flags, io);
      const failed = failuresOf(census);
      if (flags.output !== undefined) writeCensus(census, flags.output, io);
      if (flags.json === true) writeCensus(census, undefined, io);
      if (flags.json === true || flags.output !== undefined) {
        for (const { file, code, message } of failed)
          io.error(`kelp: ${describeError({ file, code, message })}\n`);
      } else {
        printReport(censusReport(census, new Map(architectures.map(({ id, title }) => [id, title]))), io);
        // The report lists them.
        if (failed.length > 0) io.error(`kelp: ${failed.length} of the files could not be counted\n`);
      }
      finish(failed.length === 0 ? 0 : 2);
    });
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 1024)
    throw new InvalidArgumentError('expected a number from 1 to 1024');
  return jobs;
}

function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/u.exec(text);
  const [part, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || part < 1 || part > of)
    throw new InvalidArgumentError('expected PART/PARTS, from 1/N to N/N');
  return { index: part - 1, of };
}

async function scan(paths: readonly string[], { jobs, shard }: ScanFlags, io: Io): Promise<Census> {
  const found = findModules(paths);
  if (found.files.length === 0 && found.errors.length === 0) {
    const message = 'no module in there; expected *.ko, *.ko.xz, *.ko.gz, *.ko.zst or vmlinux';
    throw new KelpError('scan/no-modules', message, { file: paths.join(' ') });
  }
  const isMine = (file: string): boolean => shard === undefined || shardOf(file, shard.of) === shard.index;
  const files = found.files.filter(isMine);
  const builder = new CensusBuilder();
  for (const error of found.errors) if (isMine(error.file ?? '')) builder.addFailure(error.file ?? '', error);
  const progress = startProgress(files.length, io);
  try {
    // Uncompressed modules are read faster than another process starts; compressed ones are worth all cores.
    const compressed = files.filter(isCompressed);
    const inParallel = jobs > 1 && compressed.length >= 16;
    if (inParallel) builder.addCensus(await scanInParallel(compressed, jobs, progress.add));
    const scanner = new FileScanner(architectures, builder);
    for (const file of inParallel ? files.filter((one) => !isCompressed(one)) : files) {
      await scanner.scan(file);
      progress.add(1);
    }
  } finally {
    progress.stop();
  }
  return builder.census();
}

function isCompressed(file: string): boolean {
  return /\.(?:xz|gz|zst)$/u.test(file);
}
