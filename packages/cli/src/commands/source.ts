import { compareSource, readAccepted, sourceJson, sourceReport, SourceTree } from '@kelp/kernel-source';
import { Command } from 'commander';
import { architectureNamed, architectures, sourceSubject } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';

interface SourceFlags {
  readonly architecture?: readonly string[];
  readonly accepted?: string;
  readonly json?: true;
}

/** `kelp source TREE`: status 1 where the tree and the tables disagree, or something could not be read. */
export function sourceCommand(io: Io, finish: Finish): Command {
  return new Command('source')
    .description('compare a Linux source tree with the tables, without compiling it')
    .argument('<tree>', 'the top folder of a Linux source tree')
    .option('-a, --architecture <name...>', 'only these architectures')
    .option(
      '--accepted <file>',
      'accepted disagreements with their reasons, instead of the list of this package',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 tree and tables agree, 1 they disagree or something in the tree could not be read, 2 no Linux source tree.',
    )
    .action((root: string, flags: SourceFlags) => {
      const chosen = flags.architecture?.map(architectureNamed) ?? architectures;
      const comparison = compareSource(
        SourceTree.open(root),
        chosen.map(sourceSubject),
        readAccepted(flags.accepted),
        architectures,
      );
      if (flags.json === true) printJson(sourceJson(comparison), io);
      else printReport(sourceReport(comparison), io);
      const open = comparison.disagreements.filter(({ accepted }) => accepted === undefined);
      finish(open.length === 0 && comparison.unread.length === 0 ? 0 : 1);
    });
}
