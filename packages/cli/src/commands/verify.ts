import { KelpError } from '@kelp/core';
import {
  explainAddress,
  groupByFunction,
  isExplained,
  verifyJson,
  verifyReport,
  verifySnapshot,
  type KernelSnapshot,
  type ReadMemory,
  type SymbolAt,
  type UnverifiedModule,
  type VerifiedModule,
} from '@kelp/memory';
import { Command } from 'commander';
import { architectures } from '../architectures.ts';
import { parseAddress } from '../address-argument.ts';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';
import { startProgress } from '../progress.ts';
import { moduleReader, openSource, requireLoaded, type SnapshotSource } from '../snapshot-source.ts';
import { functionsJson, functionTable, placeBlock, placeJson, type Place } from '../verify-details.ts';

interface VerifyFlags {
  readonly live?: true;
  readonly modules?: string;
  readonly without?: readonly string[];
  readonly functions?: true;
  readonly address?: bigint;
  readonly json?: true;
}

type Result = UnverifiedModule | VerifiedModule;

/** `kelp verify SOURCE [MODULE...]`: status 1 where bytes are unexplained or a module could not be verified. */
export function verifyCommand(io: Io, finish: Finish): Command {
  return new Command('verify')
    .description('compare the memory of loaded modules with what their files predict')
    .argument('[source]', 'a capture folder or a vmcore')
    .argument('[module...]', 'only these modules')
    .option('--live', 'the running kernel (as root); then all arguments are modules')
    .option(
      '--modules <folder>',
      'where the module files are; the modules of a capture, or /lib/modules, without it',
    )
    .option('--functions', 'group what was written by function')
    .option('--address <address>', 'explain one place', parseAddress)
    .option(
      '--without <step>',
      'leave a finalization step out, to see what it explains; may be repeated',
      (step: string, before: readonly string[] | undefined) => [...(before ?? []), step],
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 every byte is explained, 1 some are not or could not be compared, 2 the source cannot be read.',
    )
    .action(async (source: string | undefined, modules: readonly string[], flags: VerifyFlags) => {
      if (source === undefined && flags.live !== true)
        throw new KelpError('verify/no-source', 'give a source, or --live');
      const live = flags.live === true;
      const opened = openSource(live ? undefined : source, flags.modules);
      const names = live && source !== undefined ? [source, ...modules] : modules;
      try {
        const results = await verify(opened, names, flags, io);
        print(opened.snapshot, results, flags, io);
        finish(results.every(isExplained) ? 0 : 1);
      } finally {
        opened.snapshot.close();
      }
    });
}

async function verify(
  { snapshot, files }: SnapshotSource,
  modules: readonly string[],
  flags: VerifyFlags,
  io: Io,
): Promise<readonly Result[]> {
  const only = requireLoaded(snapshot, modules);
  const progress = startProgress(only?.size ?? snapshot.modules.length, io);
  const results: Result[] = [];
  try {
    const verified = verifySnapshot(snapshot, {
      architectures,
      moduleFile: moduleReader(files),
      ...(only === undefined ? {} : { only }),
      onLoaded: () => progress.add(1),
      ...(flags.without === undefined ? {} : { without: new Set(flags.without) }),
    });
    for await (const result of verified) results.push(result);
  } finally {
    progress.stop();
  }
  return results;
}

function print(snapshot: KernelSnapshot, results: readonly Result[], flags: VerifyFlags, io: Io): void {
  const read: ReadMemory = (address, length) => snapshot.memory.read(address, length);
  const symbolAt: SymbolAt = (module, address) => {
    const found = snapshot.symbols.at(address);
    return found?.symbol.module === module ? found : undefined;
  };
  const verified = results.filter((result): result is VerifiedModule => 'sections' in result);
  const functions =
    flags.functions === true
      ? verified.map(({ name, loaded }) => ({ module: name, functions: groupByFunction(loaded, read) }))
      : undefined;
  const places = flags.address === undefined ? undefined : placesAt(flags.address, verified, read, symbolAt);
  if (flags.json === true) {
    printJson(
      {
        ...verifyJson(snapshot.origin, results, symbolAt),
        ...(functions === undefined ? {} : { functions: functions.map(functionsJson) }),
        ...(places === undefined ? {} : { places: places.map(placeJson) }),
      },
      io,
    );
  } else if (places === undefined) {
    const { title, blocks } = verifyReport(snapshot.origin, results, symbolAt);
    printReport({ title, blocks: [...(functions ?? []).map(functionTable), ...blocks] }, io);
  } else {
    printReport({ title: `0x${(flags.address ?? 0n).toString(16)}`, blocks: places.map(placeBlock) }, io);
  }
}

function placesAt(
  address: bigint,
  verified: readonly VerifiedModule[],
  read: ReadMemory,
  symbolAt: SymbolAt,
): readonly Place[] {
  const places = verified.flatMap(({ name, loaded }) => {
    const place = explainAddress(loaded, read, address);
    return place === undefined ? [] : [{ module: name, place, symbol: symbolAt(name, address) }];
  });
  if (places.length > 0) return places;
  throw new KelpError('verify/address', `no verified module holds 0x${address.toString(16)}`);
}
