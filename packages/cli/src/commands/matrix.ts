import { readCensus } from '@kelp/census';
import { buildMatrix, checkedKernels, matrixPage, matrixReport } from '@kelp/coverage';
import { Command, Option } from 'commander';
import { architectureNamed, coverageSubjects } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { formats, printDocument, printJson, printReport, type Format } from '../print.ts';

interface MatrixFlags {
  readonly census?: readonly string[];
  readonly kernel?: readonly string[];
  readonly architecture?: readonly string[];
  readonly format: Format;
  readonly json?: true;
  readonly all?: true;
  readonly used?: true;
}

/** `kelp matrix`: status 1 where modules use something that is not covered or not known. */
export function matrixCommand(io: Io, finish: Finish): Command {
  return new Command('matrix')
    .description(
      'show which features kernels, livepatch tools and Kelp support, and how often modules use them',
    )
    .option('--census <file...>', 'results of kelp scan --json: how many modules use each feature')
    .option('--kernel <series...>', `kernels to show; those of the censuses, or ${checkedKernels.join(' ')}`)
    .option('--architecture <name...>', 'only these architectures')
    .option(
      '--all',
      'list features too that no kernel has, such as refused relocation types (terminal, markdown)',
    )
    .option('--used', 'list only features that scanned modules use (terminal, markdown)')
    .addOption(new Option('--format <format>', 'how to print').choices(formats).default('terminal'))
    .option('--json', 'the same as --format json')
    .addHelpText(
      'after',
      '\nExit status: 0 all that is used is covered, 1 something is not, 2 a census cannot be read.',
    )
    .action((flags: MatrixFlags) => {
      const matrix = buildMatrix(chosenSubjects(flags.architecture), {
        censuses: (flags.census ?? []).map((file) => readCensus(file)),
        ...(flags.kernel === undefined ? {} : { kernels: flags.kernel }),
      });
      const format = flags.json === true ? 'json' : flags.format;
      const shown = { all: flags.all === true, used: flags.used === true };
      if (format === 'json') printJson(matrix, io);
      else if (format === 'terminal') printReport(matrixReport(matrix, shown), io);
      else if (format === 'markdown') printDocument(matrixReport(matrix, shown), format, io);
      else {
        const { report, filters } = matrixPage(matrix);
        printDocument(report, format, io, { filters });
      }
      finish(matrix.uncovered.length + matrix.unknown.length === 0 ? 0 : 1);
    });
}

function chosenSubjects(names: readonly string[] | undefined): ReturnType<typeof coverageSubjects> {
  const subjects = coverageSubjects();
  if (names === undefined) return subjects;
  const wanted = new Set(names.map(architectureNamed));
  return subjects.filter(({ architecture }) => wanted.has(architecture));
}
