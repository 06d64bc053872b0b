import { functionJson, functionReport } from '@kelp/census';
import { Command, Option } from 'commander';
import { architectures } from '../architectures.ts';
import { censusOf, defaultJobs, parseJobs } from '../census-input.ts';
import type { Finish, Io } from '../io.ts';
import { formats, printDocument, printJson, printReport, type Format } from '../print.ts';
import { failuresOf } from '../write-census.ts';

interface FunctionsFlags {
  readonly list?: true;
  readonly json?: true;
  readonly format: Format;
  readonly jobs: number;
}

/** `kelp functions PATH...`: what the functions of modules carry, and which of them the livepatch tools refuse. */
export function functionsCommand(io: Io, finish: Finish): Command {
  return new Command('functions')
    .description(
      'count which functions of modules carry special-section entries, and which livepatch tools refuse',
    )
    .argument('<path...>', 'modules, folders such as /lib/modules, censuses of kelp scan')
    .option('--list', 'list the functions that would be refused, with their keys')
    .option('--jobs <number>', 'processes for compressed modules', parseJobs, defaultJobs)
    .addOption(new Option('--format <format>', 'form of the report').choices(formats).default('terminal'))
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nWhich module a key comes from is known where that module is scanned too; other keys count as those of the kernel image.' +
        '\n\nExit status: 0 counted, 2 a file cannot be read.',
    )
    .action(async (paths: readonly string[], flags: FunctionsFlags) => {
      const census = await censusOf(paths, flags, io);
      const format = flags.json === true ? 'json' : flags.format;
      if (format === 'json') {
        printJson(functionJson(census), io);
      } else {
        const report = functionReport(census, architectures, { list: flags.list === true });
        if (format === 'terminal') printReport(report, io);
        else printDocument(report, format, io);
      }
      const failed = failuresOf(census).length;
      if (failed > 0) io.error(`kelp: ${failed} of the files could not be counted\n`);
      finish(failed === 0 ? 0 : 2);
    });
}
