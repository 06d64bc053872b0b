import { explain, explainReport } from '@kelp/coverage';
import { KelpError } from '@kelp/core';
import { Command } from 'commander';
import { architectureNamed, architectures } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';

interface ExplainFlags {
  readonly architecture?: string;
  readonly json?: true;
}

/** `kelp explain NAME`. */
export function explainCommand(io: Io, finish: Finish): Command {
  return new Command('explain')
    .description('explain a relocation type or special section')
    .argument('<name>', 'R_PPC64_REL24, REL24, 10, .altinstructions ...')
    .option('--architecture <name>', 'only this architecture')
    .option('--json', 'print JSON')
    .action((name: string, flags: ExplainFlags) => {
      const chosen =
        flags.architecture === undefined ? architectures : [architectureNamed(flags.architecture)];
      const features = explain(chosen, name);
      if (features.length === 0) {
        throw new KelpError(
          'explain/unknown',
          `no architecture knows ${JSON.stringify(name)}; kelp matrix --all lists the names`,
        );
      }
      if (flags.json === true) printJson({ schema: 1, features }, io);
      else printReport(explainReport(name, features), io);
      finish(0);
    });
}
