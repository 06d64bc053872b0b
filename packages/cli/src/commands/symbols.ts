import { FileReader } from '@kelp/census';
import { formatSymbolList, replaceFile, SymbolCollector } from '@kelp/livepatch';
import { Command } from 'commander';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { printJson } from '../print.ts';

interface SymbolsFlags {
  readonly output?: string;
  readonly json?: true;
}

/** `kelp symbols INPUT...`: a symbol list for `kelp convert` and klp-convert. */
export function symbolsCommand(io: Io, finish: Finish): Command {
  return new Command('symbols')
    .description(
      'list the symbols of a kernel and its modules in the order in which livepatch counts equal names',
    )
    .argument('<input...>', 'vmlinux, System.map, a copy of /proc/kallsyms, modules, other symbol lists')
    .option('-o, --output <file>', 'write the list to this file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 listed, 2 an input cannot be read.')
    .action(async (inputs: readonly string[], flags: SymbolsFlags) => {
      const collector = new SymbolCollector();
      const reader = new FileReader();
      for (const file of inputs) collector.add({ file, bytes: await reader.read(file) });
      const { objects, findings } = collector;
      const text = formatSymbolList(objects);
      if (flags.output !== undefined) replaceFile(flags.output, Buffer.from(text));
      if (flags.json === true) {
        const list = [...objects].map(([object, symbols]) => ({ object, symbols }));
        printJson({ schema: 1, objects: list, findings }, io);
      } else {
        for (const finding of findings) io.error(`kelp: ${finding.severity}: ${describeError(finding)}\n`);
        if (flags.output === undefined) io.out(text);
      }
      finish(0);
    });
}
