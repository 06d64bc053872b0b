import { FileReader } from '@kelp/census';
import {
  KelpError,
  parseKernel,
  requireArchitecture,
  vmlinuxObject,
  type Architecture,
  type Kernel,
} from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import {
  lint,
  lintReport,
  lintRulesJson,
  lintRulesReport,
  readLivepatch,
  SymbolCollector,
  type LintInput,
} from '@kelp/livepatch';
import { Command } from 'commander';
import { architectures } from '../architectures.ts';
import { describeError } from '../describe-error.ts';
import { printFindings, withFindingOptions, type FindingFlags } from '../finding-formats.ts';
import type { ExitStatus, Finish, Io } from '../io.ts';
import { readConfiguration } from '../kernel-option.ts';
import { readModules } from '../module-files.ts';
import { printJson, printReport } from '../print.ts';

interface LintFlags extends FindingFlags {
  readonly kernel?: string;
  readonly config?: string;
  readonly modules?: string;
  readonly symbols?: readonly string[];
  readonly rules?: true;
}

const repeated = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** `kelp lint FILE`: status 1 where an error or a warning is left. */
export function lintCommand(io: Io, finish: Finish): Command {
  const command = new Command('lint')
    .description(
      'judge a livepatch by the rules that a kernel enforces and by the hazards of its relocations',
    )
    .usage('[options] <file>')
    .argument('[file]', 'a livepatch module')
    .option('--kernel <release>', 'the kernel or series, instead of the one in vermagic')
    .option('--config <file>', 'configuration of that kernel')
    .option('--modules <folder>', 'modules of that kernel: /lib/modules/RELEASE')
    .option(
      '--symbols <file>',
      'symbols of the kernel, as kelp symbols takes them: vmlinux, System.map, kallsyms, a symbol list; may be repeated',
      repeated,
    )
    .option('--rules', 'list the rules instead');
  return withFindingOptions(command)
    .addHelpText(
      'after',
      '\nExit status: 0 nothing but notes and accepted findings, 1 findings or stale baseline entries, 2 an input cannot be read.',
    )
    .action(async (file: string | undefined, flags: LintFlags) => {
      if (flags.rules === true) {
        if (flags.json === true || flags.format === 'json') printJson(lintRulesJson(), io);
        else printReport(lintRulesReport(), io);
      } else if (file === undefined) command.error("error: missing required argument 'file'");
      else finish(await lintFile(file, flags, command.parent?.version() ?? '', io));
    });
}

async function lintFile(file: string, flags: LintFlags, version: string, io: Io): Promise<ExitStatus> {
  const object = parseObjectFile((await new FileReader().read(file)).slice(), file);
  const architecture = requireArchitecture(object, architectures);
  const kernel = kernelFor(object, flags);
  const result = lint(await inputFor(object, architecture, kernel, flags, io));
  if (!result.isLivepatch)
    throw new KelpError('lint/no-livepatch', 'the module is no livepatch and has nothing of one', { file });
  const tool = { name: 'kelp', version, address: 'https://github.com/kelp-livepatch/kelp' };
  const report = lintReport(result, object, { file, kernel: kernel.release, tool });
  return printFindings(report, flags, io, { file, architecture: architecture.id, kernel: kernel.release });
}

function kernelFor(object: ObjectFile, { kernel, config }: LintFlags): Kernel {
  const modinfo = object.section('.modinfo')?.bytes ?? new Uint8Array();
  const release = kernel ?? findModinfoValue(modinfo, 'vermagic')?.split(' ', 1)[0];
  if (release === undefined)
    throw new KelpError('kernel/unknown', 'no vermagic; give --kernel', { file: object.file });
  return parseKernel(release, readConfiguration(config));
}

async function inputFor(
  object: ObjectFile,
  architecture: Architecture,
  kernel: Kernel,
  flags: LintFlags,
  io: Io,
): Promise<LintInput> {
  const input = { object, architecture, kernel, symbols: await symbolsOf(flags.symbols ?? [], io) };
  if (flags.modules === undefined) return input;
  const { wanted, any } = await readModules(flags.modules, objectsOf(object));
  return { ...input, modules: wanted, ...(any === undefined ? {} : { reference: any }) };
}

/** Objects that a livepatch names anywhere. */
function objectsOf(object: ObjectFile): ReadonlySet<string> {
  const livepatch = readLivepatch(object);
  const names = [
    ...(livepatch?.objects ?? []).map(({ name }) => name),
    ...(livepatch?.relocations ?? []).flatMap((one) => one.object ?? []),
    ...(livepatch?.symbols ?? []).flatMap(({ name }) => name?.object ?? []),
  ];
  return new Set(names.filter((name) => name !== vmlinuxObject));
}

async function symbolsOf(files: readonly string[], io: Io): Promise<ReadonlyMap<string, readonly string[]>> {
  const collector = new SymbolCollector();
  const reader = new FileReader();
  for (const file of files) collector.add({ file, bytes: await reader.read(file) });
  for (const finding of collector.findings)
    io.error(`kelp: ${finding.severity}: ${describeError(finding)}\n`);
  return collector.objects;
}
