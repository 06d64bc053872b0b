import {
  findModules,
  patchedReport,
  PatchedScanner,
  readFixYears,
  readPatchedList,
  summarizePatched,
} from '@kelp/census';
import { Command, Option } from 'commander';
import { architectures } from '../architectures.ts';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { formats, printDocument, printJson, printReport, type Format } from '../print.ts';
import { startProgress } from '../progress.ts';

interface PatchedFlags {
  readonly fixes?: string;
  readonly list?: true;
  readonly format: Format;
  readonly json?: true;
}

/** `kelp patched LIST PATH...`: what functions that were really patched carry in these kernels. */
export function patchedCommand(io: Io, finish: Finish): Command {
  return new Command('patched')
    .description('look up functions that were really patched, and count what they carry')
    .argument('<list>', 'table with the columns fix, object, function')
    .argument('<path...>', 'modules of one or more kernels: folders, files, kernel images')
    .option('--fixes <file>', 'table with the columns fix and cve, for the year of a fix')
    .option('--list', 'list the functions with what they carry')
    .addOption(new Option('--format <format>', 'form of the report').choices(formats).default('terminal'))
    .option('--json', 'the same as --format json')
    .addHelpText('after', '\nExit status: 0 counted, 2 the list or a file cannot be read.')
    .action(async (listFile: string, paths: readonly string[], flags: PatchedFlags) => {
      const years = flags.fixes === undefined ? undefined : readFixYears(flags.fixes);
      const list = readPatchedList(listFile).map((row) => ({
        ...row,
        year: row.year ?? years?.get(row.fix),
      }));
      const { files, errors } = findModules(paths);
      const scanner = new PatchedScanner(architectures, list);
      const progress = startProgress(files.length, io);
      try {
        for (const file of files) {
          await scanner.scan(file);
          progress.add(1);
        }
      } finally {
        progress.stop();
      }
      const kernels = scanner.kernels();
      const format = flags.json === true ? 'json' : flags.format;
      if (format === 'json') {
        const summaries = kernels.map((kernel) => ({ ...kernel, summary: summarizePatched(kernel) }));
        printJson({ schema: 1, kernels: summaries }, io);
      } else {
        const report = patchedReport(kernels, architectures, { list: flags.list === true });
        if (format === 'terminal') printReport(report, io);
        else printDocument(report, format, io);
      }
      const failed = [...errors, ...scanner.failed];
      for (const error of failed) io.error(`kelp: ${describeError(error)}\n`);
      finish(failed.length === 0 && kernels.length > 0 ? 0 : 2);
    });
}
