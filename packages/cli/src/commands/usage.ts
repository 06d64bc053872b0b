import { FileReader, findModules } from '@kelp/census';
import { isKelpError, KelpError } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { UsageBuilder, usageJson, usageReport } from '@kelp/livepatch';
import { Command } from 'commander';
import { architectures } from '../architectures.ts';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';

interface UsageFlags {
  readonly json?: true;
}

/** `kelp usage LIVEPATCH...`: status 2 where a file failed. */
export function usageCommand(io: Io, finish: Finish): Command {
  return new Command('usage')
    .description('count what livepatches replace, and the relocations, symbols and sections that they use')
    .argument('<livepatch...>', 'livepatch modules, or folders of them')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 all files counted, 2 some could not be; the others are counted all the same.',
    )
    .action(async (paths: readonly string[], flags: UsageFlags) => {
      const { files, errors } = findModules(paths);
      if (files.length === 0 && errors.length === 0) {
        const message = 'no module in there; expected *.ko, *.ko.xz, *.ko.gz or *.ko.zst';
        throw new KelpError('usage/no-modules', message, { file: paths.join(' ') });
      }
      const builder = new UsageBuilder(architectures);
      const failures: KelpError[] = [...errors];
      const others: string[] = [];
      const reader = new FileReader();
      for (const file of files) {
        try {
          if (!builder.add(parseObjectFile(await reader.read(file), file))) others.push(file);
        } catch (error) {
          if (!isKelpError(error)) throw error;
          failures.push(error);
        }
      }
      const failed = failures.map(({ file = '', code, message }) => ({ file, code, message }));
      const usage = builder.usage();
      if (flags.json === true) printJson(usageJson(usage, { others, failed }), io);
      else printReport(usageReport(usage, { others, failed }, architectures), io);
      for (const one of failed) io.error(`kelp: ${describeError(one)}\n`);
      finish(failed.length === 0 ? 0 : 2);
    });
}
