import {
  applyBaseline,
  compareCensuses,
  consequences,
  driftReport,
  readBaseline,
  type Census,
  type Consequence,
} from '@kelp/census';
import { KelpError } from '@kelp/core';
import { Command, Option } from 'commander';
import { architectures } from '../architectures.ts';
import { censusOf, defaultJobs, parseJobs } from '../census-input.ts';
import type { Finish, Io } from '../io.ts';
import { formats, printDocument, printJson, printReport, type Format } from '../print.ts';
import { failuresOf } from '../write-census.ts';

interface DiffFlags {
  readonly baseline?: string;
  readonly failOn: Consequence;
  readonly format: Format;
  readonly json?: true;
  readonly jobs: number;
}

/** `kelp diff OLD NEW...`: status 1 for a change that the baseline does not accept. */
export function diffCommand(io: Io, finish: Finish): Command {
  return new Command('diff')
    .description('what appeared, went or changed between kernels, the worst for livepatching first')
    .argument(
      '<path...>',
      'OLD, NEW and newer ones: a census, folder or module each; or one census of several kernels',
    )
    .option('--baseline <file>', 'changes that somebody has looked at, with reasons')
    .addOption(
      new Option('--fail-on <consequence>', 'the least consequence that gives status 1')
        .choices(consequences)
        .default('tools' satisfies Consequence),
    )
    .option('--jobs <number>', 'processes for compressed modules', parseJobs, defaultJobs)
    .addOption(new Option('--format <format>', 'form of the report').choices(formats).default('terminal'))
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nExit status: 0 nothing of that consequence, 1 changes that the baseline does not accept, 2 a file cannot be read.',
    )
    .action(async (paths: readonly string[], flags: DiffFlags) => {
      const accepted = flags.baseline === undefined ? [] : readBaseline(flags.baseline);
      const censuses: Census[] = [];
      for (const path of paths) censuses.push(await soundCensus(path, flags.jobs, io));
      const drift = applyBaseline(compareCensuses(censuses, architectures), accepted);
      if (drift.comparisons.length === 0)
        throw new KelpError('diff/nothing', 'no architecture has two kernels to compare');
      const format = flags.json === true ? 'json' : flags.format;
      if (format === 'json') {
        printJson({ schema: 1, ...drift }, io);
      } else {
        const report = driftReport(drift, censuses, architectures);
        if (format === 'terminal') printReport(report, io);
        else printDocument(report, format, io);
      }
      const least = consequences.indexOf(flags.failOn);
      const alarms = drift.comparisons
        .flatMap(({ changes }) => changes)
        .filter((one) => one.accepted === undefined && consequences.indexOf(one.consequence) <= least);
      finish(alarms.length === 0 ? 0 : 1);
    });
}

/** A comparison with half of the modules would show changes that are none. */
async function soundCensus(path: string, jobs: number, io: Io): Promise<Census> {
  const census = await censusOf([path], { jobs }, io);
  const [failed] = failuresOf(census);
  if (failed === undefined) return census;
  throw new KelpError(
    'diff/incomplete',
    `${failed.message}: nothing can be compared with what was not read`,
    {
      file: failed.file,
    },
  );
}
