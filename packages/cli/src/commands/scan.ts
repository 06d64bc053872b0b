import { censusReport } from '@kelp/census';
import { Command, InvalidArgumentError } from 'commander';
import { architectures } from '../architectures.ts';
import { defaultJobs, parseJobs, scanModules, type Shard } from '../census-input.ts';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { printReport } from '../print.ts';
import { failuresOf, writeCensus } from '../write-census.ts';

interface ScanFlags {
  readonly json?: true;
  readonly jobs: number;
  readonly output?: string;
  readonly shard?: Shard;
}

/** `kelp scan PATH...`: status 2 where a file failed. */
export function scanCommand(io: Io, finish: Finish): Command {
  return new Command('scan')
    .description('count relocation types and special sections of modules')
    .argument('<path...>', 'modules, kernel images, folders such as /lib/modules')
    .option('--jobs <number>', 'processes for compressed modules', parseJobs, defaultJobs)
    .option('-o, --output <file>', 'write the census to this file, for kelp merge, diff and matrix')
    .option('--shard <I/N>', 'only part I of N: kelp merge makes one census of all parts', parseShard)
    .option('--json', 'print the census as JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 all files counted, 2 some could not be; the others are counted all the same.',
    )
    .action(async (paths: readonly string[], flags: ScanFlags) => {
      const census = await scanModules(paths, flags, io);
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

function parseShard(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/u.exec(text);
  const [part, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || part < 1 || part > of)
    throw new InvalidArgumentError('expected PART/PARTS, from 1/N to N/N');
  return { index: part - 1, of };
}
