import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FileReader, findModules } from '@kelp/census';
import { fileError, KelpError } from '@kelp/core';
import { findModinfoValue, parseObjectFile } from '@kelp/core/elf';
import {
  checkPackage,
  packageBlocks,
  packageJson,
  planPackage,
  replaceFile,
  tarPackage,
  writePackage,
  type ModuleInput,
} from '@kelp/livepatch';
import { Command, InvalidArgumentError } from 'commander';
import type { Finish, Io } from '../io.ts';
import { runKmod } from '../kmod.ts';
import { printJson, printReport } from '../print.ts';

interface PackFlags {
  readonly output: string;
  readonly modules: string;
  readonly name: string;
  readonly deprecate?: ReadonlyMap<string, string>;
  readonly tar?: true;
  readonly check?: true;
  readonly json?: true;
}

/** `kelp pack MODULE...`: status 1 where the package would not work; then nothing is written. */
export function packCommand(io: Io, finish: Finish): Command {
  return new Command('pack')
    .description('pack a livepatch with replacements of the modules it fixes, so that kmod loads those')
    .argument('<module...>', 'livepatches and replacement modules')
    .requiredOption('-o, --output <path>', 'a new folder, the root of the package; with --tar a file')
    .requiredOption('--modules <folder>', 'modules of the kernel: lib/modules/RELEASE')
    .requiredOption('--name <name>', 'name of the package')
    .option(
      '--deprecate <old=new>',
      'the module OLD is replaced by NEW, which has another name; may be repeated',
      parseDeprecation,
    )
    .option('--tar', 'write a tar archive')
    .option('--check', 'ask depmod and modprobe, in a scratch root, what they would load')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 packed, 1 not packed for a reason that is printed, 2 a file cannot be read or written.',
    )
    .action(async (files: readonly string[], flags: PackFlags) => {
      const modules: ModuleInput[] = [];
      for (const file of files) modules.push(await readModule(file));
      const deprecated = flags.deprecate ?? new Map<string, string>();
      const replaced = await replacedModules(modules, [...deprecated.keys()], flags.modules);
      const input = { name: flags.name, modules, replaced, deprecated };
      const plan = planPackage(input);
      const verdict = flags.check === true ? checkPackage(input, plan, flags.modules, runKmod) : undefined;
      const isSound =
        plan.findings.every(({ severity }) => severity !== 'error') &&
        verdict?.failed === undefined &&
        verdict?.checks.every(({ ok }) => ok) !== false;
      if (isSound && flags.tar === true) replaceFile(flags.output, await tarPackage(plan.entries));
      else if (isSound) writePackage(flags.output, plan.entries);
      if (flags.json === true) printJson(packageJson(plan, verdict), io);
      else printReport({ title: flags.name, blocks: packageBlocks(plan, verdict) }, io);
      finish(isSound ? 0 : 1);
    });
}

function parseDeprecation(
  text: string,
  known: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  const [, old, replacement] = /^([^=]+)=([^=]+)$/u.exec(text) ?? [];
  if (old === undefined || replacement === undefined) throw new InvalidArgumentError('expected OLD=NEW');
  return new Map([...(known ?? []), [kernelName(old), kernelName(replacement)]]);
}

function kernelName(name: string): string {
  return name.replaceAll('-', '_');
}

async function readModule(file: string): Promise<ModuleInput> {
  const plain = Uint8Array.from(await new FileReader().read(file));
  return { file, bytes: readBytes(file), plain, object: parseObjectFile(plain, file) };
}

function readBytes(file: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    throw fileError(error, file);
  }
}

/** The modules of the kernel that have the names of the given ones, or are deprecated. */
async function replacedModules(
  modules: readonly ModuleInput[],
  deprecated: readonly string[],
  folder: string,
): Promise<readonly ModuleInput[]> {
  const names = new Set([
    ...modules.flatMap(({ object }) => nameOf(object.section('.modinfo')?.bytes)),
    ...deprecated,
  ]);
  const { files, errors } = findModules([join(folder, 'kernel')]);
  const [error] = errors;
  if (error !== undefined) throw error;
  const found: ModuleInput[] = [];
  for (const file of files) {
    const name = kernelName(basename(file).replace(/\.ko(?:\.\w+)?$/u, ''));
    if (names.has(name)) found.push(await readModule(file));
  }
  for (const name of deprecated) {
    if (found.some(({ object }) => nameOf(object.section('.modinfo')?.bytes).includes(name))) continue;
    throw new KelpError('pack/no-module', `no module ${name} to deprecate`, { file: folder });
  }
  return found;
}

function nameOf(modinfo: Uint8Array | undefined): readonly string[] {
  const name = findModinfoValue(modinfo ?? new Uint8Array(), 'name');
  return name === undefined ? [] : [kernelName(name)];
}
