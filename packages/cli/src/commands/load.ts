import { FileReader } from '@kelp/census';
import { KelpError, parseKernel, requireArchitecture, type Architecture, type Machine } from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import { layOutModule, loadModule, placeConsecutively, type LoadInput } from '@kelp/loader';
import {
  addExportsOf,
  describeMachine,
  externalSymbols,
  livepatchSymbols,
  loadJson,
  loadReport,
  parseKallsyms,
  unaidedInputOf,
  writeImage,
} from '@kelp/memory';
import { Command } from 'commander';
import { parseAddress } from '../address-argument.ts';
import { architectures } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { readConfiguration } from '../kernel-option.ts';
import { createFolder } from '../output-folder.ts';
import { printJson, printReport } from '../print.ts';
import { parsePageSize } from '../scene-options.ts';
import { moduleReader, openSource } from '../snapshot-source.ts';

interface LoadFlags {
  readonly from?: string;
  readonly modules?: string;
  readonly base?: bigint;
  readonly symbols?: string;
  readonly kernel?: string;
  readonly config?: string;
  readonly pageSize: number;
  readonly output?: string;
  readonly json?: true;
}

/** `kelp load FILE`: status 1 where the kernel would refuse the module. */
export function loadCommand(io: Io, finish: Finish): Command {
  return new Command('load')
    .description('compute the bytes that a kernel would have in memory after loading a module')
    .argument('<file>', 'a module')
    .option(
      '--from <source>',
      'take addresses, symbols and machine from a capture or vmcore; its module memory is not read',
    )
    .option('--modules <folder>', 'with --from: where the other module files are')
    .option('--base <address>', 'without --from: put the areas one after the other from here', parseAddress)
    .option(
      '--symbols <file>',
      'without --from: addresses of imports, in the form of /proc/kallsyms or System.map',
    )
    .option('--kernel <release>', 'without --from: the kernel, instead of the one in vermagic')
    .option('--config <file>', 'without --from: configuration of that kernel')
    .option('--page-size <bytes>', 'without --from', parsePageSize, 4096)
    .option(
      '--output <folder>',
      'a new folder for the sections, in the layout of a capture; none if the module is refused',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit status: 0 loaded, 1 refused by the kernel, 2 the file cannot be read.')
    .action(async (file: string, flags: LoadFlags) => {
      const object = parseObjectFile((await new FileReader().read(file)).slice(), file);
      const architecture = requireArchitecture(object, architectures);
      const input =
        flags.from === undefined
          ? await alone(object, architecture, flags)
          : await captured(object, architecture, flags);
      const loaded = loadModule(input);
      // A kernel that refuses a module frees what it had written of it.
      if (flags.output !== undefined && loaded.refused === undefined) {
        const name = moduleName(object);
        createFolder(flags.output);
        writeImage(loaded, flags.output, name);
      }
      if (flags.json === true) printJson(loadJson(file, loaded), io);
      else printReport(loadReport(file, loaded), io);
      finish(loaded.refused === undefined ? 0 : 1);
    });
}

function modinfo(object: ObjectFile, name: string): string | undefined {
  return findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), name);
}

function moduleName(object: ObjectFile): string {
  const name = modinfo(object, 'name');
  if (name !== undefined && /^[\w-]{1,55}$/u.test(name)) return name.replaceAll('-', '_');
  throw new KelpError('load/no-name', 'the module has no usable name in .modinfo', { file: object.file });
}

/** Addresses that nobody has chosen yet. */
async function alone(object: ObjectFile, architecture: Architecture, flags: LoadFlags): Promise<LoadInput> {
  const release = flags.kernel ?? modinfo(object, 'vermagic')?.split(' ', 1)[0];
  if (release === undefined)
    throw new KelpError('kernel/unknown', 'no vermagic; give --kernel', { file: object.file });
  if (flags.base === undefined)
    throw new KelpError('load/no-address', 'give --base ADDRESS, or --from a capture');
  const kernel = parseKernel(release, readConfiguration(flags.config));
  const machine: Machine = {
    pageSize: flags.pageSize,
    smp: true,
    feature: () => undefined,
    value: () => undefined,
  };
  const areas = layOutModule(
    object,
    kernel,
    machine.pageSize,
    architecture.linkage?.plan?.(object, kernel, machine),
  );
  const symbols =
    flags.symbols === undefined ? undefined : parseKallsyms(await readSymbols(flags.symbols), flags.symbols);
  return {
    object,
    architecture,
    kernel,
    machine,
    addresses: { areas: placeConsecutively(areas, flags.base, machine.pageSize) },
    external: {
      address: (name) => symbols?.address(name),
      functionAt: (address) => {
        const found = symbols?.at(address);
        return found?.offset === 0n ? found.symbol.name : undefined;
      },
    },
  };
}

async function readSymbols(file: string): Promise<Uint8Array> {
  return (await new FileReader().read(file)).slice();
}

/** Everything that a capture knows, but for the memory of the module. */
async function captured(
  object: ObjectFile,
  architecture: Architecture,
  flags: LoadFlags,
): Promise<LoadInput> {
  const { snapshot, files } = openSource(flags.from, flags.modules);
  try {
    const name = moduleName(object);
    const module = snapshot.modules.find((one) => one.name === name);
    if (module === undefined)
      throw new KelpError('verify/not-loaded', `module ${name} is not loaded in ${snapshot.origin}`);
    const exported = new Map<string, bigint>();
    const read = moduleReader(files);
    for (const earlier of snapshot.modules.slice(0, snapshot.modules.indexOf(module))) {
      const found = await read(earlier.name);
      if (found !== undefined) addExportsOf(exported, parseObjectFile(found.bytes, found.file), earlier);
    }
    const described = describeMachine(snapshot, architecture);
    const external = externalSymbols(snapshot, exported);
    return unaidedInputOf({
      module,
      object,
      architecture,
      described,
      external,
      livepatchSymbols: livepatchSymbols(snapshot),
    });
  } finally {
    // What loading needs has been read; symbols stay in memory.
    snapshot.close();
  }
}
