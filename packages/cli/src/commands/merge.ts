import { CensusBuilder, readCensus } from '@kelp/census';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { writeCensus } from '../write-census.ts';

interface MergeFlags {
  readonly output?: string;
}

/** `kelp merge CENSUS...`: one census of several. */
export function mergeCommand(io: Io, finish: Finish): Command {
  return new Command('merge')
    .description('add up censuses that kelp scan wrote')
    .argument('<census...>', 'census files; one that is named twice counts twice')
    .option('-o, --output <file>', 'write the census to this file')
    .option('--json', 'accepted for uniformity: a census is JSON')
    .addHelpText(
      'after',
      '\nThe bytes are those of one scan of all the modules, in whatever order and groups the censuses are merged.' +
        '\n\nExit status: 0 merged, 2 a census cannot be read, is damaged or of another version.',
    )
    .action((files: readonly string[], flags: MergeFlags) => {
      const builder = new CensusBuilder();
      for (const file of files) builder.addCensus(readCensus(file));
      writeCensus(builder.census(), flags.output, io);
      finish(0);
    });
}
