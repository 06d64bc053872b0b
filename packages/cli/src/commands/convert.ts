import { FileReader } from '@kelp/census';
import { KelpError, parseKernel, requireArchitecture, type Kernel } from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import {
  conversionBlocks,
  conversionJson,
  convertRelocations,
  dialectNames,
  replaceFile,
  SymbolCollector,
  SymbolList,
  type DialectName,
} from '@kelp/livepatch';
import { Command, Option } from 'commander';
import { architectures } from '../architectures.ts';
import { describeError } from '../describe-error.ts';
import type { Finish, Io } from '../io.ts';
import { readConfiguration } from '../kernel-option.ts';
import { printJson, printReport } from '../print.ts';

interface ConvertFlags {
  readonly output: string;
  readonly symbols?: readonly string[];
  readonly dialect?: DialectName;
  readonly kernel?: string;
  readonly config?: string;
  readonly json?: true;
}

/** `kelp convert IN -o OUT`: status 1 where a relocation cannot be converted; then nothing is written. */
export function convertCommand(io: Io, finish: Finish): Command {
  return new Command('convert')
    .description('turn ordinary relocations of a module into livepatch relocations')
    .argument('<file>', 'a livepatch module as it comes from the linker')
    .requiredOption('-o, --output <file>', 'write the converted module to this file')
    .option(
      '--symbols <file...>',
      'symbols of the kernel and its modules: whatever kelp symbols reads; dialects 2019 and v7 need them',
    )
    .addOption(
      new Option('--dialect <name>', 'how the relocations are marked, if not by what is in the file').choices(
        dialectNames,
      ),
    )
    .option('--kernel <release>', 'the kernel that loads it, instead of the one in vermagic')
    .option('--config <file>', 'configuration of that kernel')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 converted, 1 not converted for a reason that is printed, 2 a file cannot be read or written.',
    )
    .action(async (file: string, flags: ConvertFlags) => {
      const reader = new FileReader();
      // The reader uses its memory again for the next file.
      const bytes = Uint8Array.from(await reader.read(file));
      const object = parseObjectFile(bytes, file);
      const symbols = flags.symbols === undefined ? undefined : await readSymbols(flags.symbols, reader, io);
      const conversion = convertRelocations({
        bytes,
        file,
        architecture: requireArchitecture(object, architectures),
        kernel: kernelOf(object, flags),
        ...(symbols === undefined ? {} : { symbols }),
        ...(flags.dialect === undefined ? {} : { dialect: flags.dialect }),
      });
      if (conversion.bytes !== undefined) replaceFile(flags.output, conversion.bytes);
      if (flags.json === true) printJson(conversionJson(conversion), io);
      else printReport({ title: file, blocks: conversionBlocks(conversion) }, io);
      finish(conversion.bytes === undefined ? 1 : 0);
    });
}

function kernelOf(object: ObjectFile, { kernel, config }: ConvertFlags): Kernel {
  const modinfo = object.section('.modinfo')?.bytes ?? new Uint8Array();
  const release = kernel ?? findModinfoValue(modinfo, 'vermagic')?.split(' ', 1)[0];
  if (release === undefined)
    throw new KelpError('kernel/unknown', 'no vermagic; give --kernel', { file: object.file });
  return parseKernel(release, readConfiguration(config));
}

async function readSymbols(files: readonly string[], reader: FileReader, io: Io): Promise<SymbolList> {
  const collector = new SymbolCollector();
  for (const file of files) collector.add({ file, bytes: await reader.read(file) });
  for (const finding of collector.findings)
    io.error(`kelp: ${finding.severity}: ${describeError(finding)}\n`);
  return new SymbolList(collector.objects);
}
