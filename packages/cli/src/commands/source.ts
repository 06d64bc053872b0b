import {
  compareSource,
  estimateLateModules,
  lateModulesJson,
  lateModulesReport,
  readAccepted,
  readLateModulesList,
  sourceJson,
  sourceReport,
  SourceTree,
  type SourceSubject,
} from '@kelp/kernel-source';
import { Command } from 'commander';
import { architectureNamed, architectures, sourceSubject } from '../architectures.ts';
import type { ExitStatus, Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';

interface SourceFlags {
  readonly architecture?: readonly string[];
  readonly accepted?: string;
  readonly lateModules?: true;
  readonly list?: string;
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
    .option('--late-modules', 'show instead which code exists only because modules may be patched late')
    .option('--list <file>', 'with --late-modules: compare with this list instead of the one of this package')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 tree and tables agree, 1 they disagree or something in the tree could not be read, 2 no Linux source tree.',
    )
    .action((root: string, flags: SourceFlags) => {
      const tree = SourceTree.open(root);
      const subjects = (flags.architecture?.map(architectureNamed) ?? architectures).map(sourceSubject);
      finish(
        flags.lateModules === true
          ? lateModules(tree, subjects, flags, io)
          : compare(tree, subjects, flags, io),
      );
    });
}

function compare(
  tree: SourceTree,
  subjects: readonly SourceSubject[],
  { accepted, json }: SourceFlags,
  io: Io,
): ExitStatus {
  const comparison = compareSource(tree, subjects, readAccepted(accepted), architectures);
  if (json === true) printJson(sourceJson(comparison), io);
  else printReport(sourceReport(comparison), io);
  const open = comparison.disagreements.filter((one) => one.accepted === undefined);
  return open.length === 0 && comparison.unread.length === 0 ? 0 : 1;
}

function lateModules(
  tree: SourceTree,
  subjects: readonly SourceSubject[],
  { list, json }: SourceFlags,
  io: Io,
): ExitStatus {
  const estimate = estimateLateModules(tree, subjects, readLateModulesList(list));
  if (json === true) printJson(lateModulesJson(estimate), io);
  else printReport(lateModulesReport(estimate), io);
  const { misses, extras } = estimate.comparison;
  return misses.length + extras.length + estimate.unread.length === 0 ? 0 : 1;
}
