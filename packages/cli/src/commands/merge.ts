import { join } from 'node:path';
import { CensusBuilder, parquetTables, readCensus, type Census } from '@kelp/census';
import { replaceFile } from '@kelp/livepatch';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { createFolder } from '../output-folder.ts';
import { writeCensus } from '../write-census.ts';

interface MergeFlags {
  readonly output?: string;
  readonly parquet?: string;
}

/** `kelp merge CENSUS...`: one census of several. */
export function mergeCommand(io: Io, finish: Finish): Command {
  return new Command('merge')
    .description('add up censuses that kelp scan wrote')
    .argument('<census...>', 'census files; one that is named twice counts twice')
    .option('-o, --output <file>', 'write the census to this file')
    .option('--parquet <folder>', 'write the tables as Parquet files to this new folder, for DuckDB or Spark')
    .option('--json', 'accepted for uniformity: a census is JSON')
    .addHelpText(
      'after',
      '\nThe bytes are those of one scan of all the modules, in whatever order and groups the censuses are merged.' +
        '\n\nExit status: 0 merged, 2 a census cannot be read, is damaged or of another version.',
    )
    .action((files: readonly string[], flags: MergeFlags) => {
      const builder = new CensusBuilder();
      for (const file of files) builder.addCensus(readCensus(file));
      const census = builder.census();
      if (flags.parquet !== undefined) writeTables(census, flags.parquet);
      if (flags.output !== undefined || flags.parquet === undefined) writeCensus(census, flags.output, io);
      finish(0);
    });
}

function writeTables(census: Census, folder: string): void {
  createFolder(folder);
  for (const { name, bytes } of parquetTables(census)) replaceFile(join(folder, `${name}.parquet`), bytes);
}
