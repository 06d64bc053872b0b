import { gatherEvidence, proposalsJson, proposalsReport } from '@kelp/livepatch';
import { Command, Option } from 'commander';
import { architectures } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { formats, printDocument, printJson, printReport, type Format } from '../print.ts';

interface ProposalsFlags {
  readonly format: Format;
  readonly json?: true;
}

/** `kelp proposals`: the overview of what is proposed for modules that come and go, with what playing it shows. */
export function proposalsCommand(io: Io, finish: Finish): Command {
  return new Command('proposals')
    .description('compare the proposed ways of handling modules that come and go, by playing each of them')
    .addOption(new Option('--format <name>', 'form of the output').choices(formats).default('terminal'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0.')
    .action((flags: ProposalsFlags) => {
      const evidence = gatherEvidence(architectures);
      const format = flags.json === true ? 'json' : flags.format;
      if (format === 'json') printJson(proposalsJson(evidence), io);
      else if (format === 'terminal') printReport(proposalsReport(evidence), io);
      else printDocument(proposalsReport(evidence), format, io);
      finish(0);
    });
}
