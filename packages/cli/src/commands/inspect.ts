import { FileReader, inspect, inspectionJson, inspectionReport } from '@kelp/census';
import { parseObjectFile } from '@kelp/core/elf';
import { livepatchBlocks, livepatchJson, readLivepatch } from '@kelp/livepatch';
import { Command } from 'commander';
import { architectures } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { readConfiguration } from '../kernel-option.ts';
import { printJson, printReport } from '../print.ts';

interface InspectFlags {
  readonly kernel?: string;
  readonly config?: string;
  readonly entries?: true | readonly string[];
  readonly json?: true;
}

/** `kelp inspect FILE`: status 1 where the loader refuses the module. */
export function inspectCommand(io: Io, finish: Finish): Command {
  return new Command('inspect')
    .description('show what a module carries and whether the loader of a kernel accepts it')
    .usage('[options] <file>')
    .argument('[file]', 'a module or kernel image: .ko, .ko.xz, .ko.gz, .ko.zst, vmlinux')
    .option('--kernel <release>', 'judge by this kernel instead of the one in vermagic')
    .option('--config <file>', 'configuration of that kernel')
    .option('--entries [section...]', 'decode the entries of these special sections; of all without a name')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 accepted, 1 refused by the loader, 2 the file cannot be read.')
    .action(async (argument: string | undefined, flags: InspectFlags, command: Command) => {
      const { file, entries } = fileAndEntries(argument, flags.entries);
      if (file === undefined) command.error("error: missing required argument 'file'");
      const configuration = readConfiguration(flags.config);
      const object = parseObjectFile(await new FileReader().read(file), file);
      const inspection = inspect(object, file, {
        architectures,
        ...(flags.kernel === undefined ? {} : { kernel: flags.kernel }),
        ...(configuration === undefined ? {} : { configuration }),
        ...(entries === undefined ? {} : { entries }),
      });
      const livepatch = readLivepatch(object);
      const { architecture } = inspection;
      if (flags.json === true) {
        const json = inspectionJson(inspection);
        printJson(
          livepatch === undefined ? json : { ...json, livepatch: livepatchJson(livepatch, architecture) },
          io,
        );
      } else {
        const report = inspectionReport(inspection);
        const more = livepatch === undefined ? [] : livepatchBlocks(livepatch, architecture);
        printReport({ ...report, blocks: [...report.blocks, ...more] }, io);
      }
      finish(inspection.refused === null || inspection.refused.length === 0 ? 0 : 1);
    });
}

/** `--entries` takes the words behind it: where nothing is left for the file, the last of them is the file. */
function fileAndEntries(
  file: string | undefined,
  entries: InspectFlags['entries'],
): { readonly file: string | undefined; readonly entries: InspectFlags['entries'] } {
  if (file !== undefined || entries === undefined || entries === true) return { file, entries };
  const sections = entries.slice(0, -1);
  return { file: entries.at(-1), entries: sections.length === 0 ? true : sections };
}
