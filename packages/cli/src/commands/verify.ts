import { statSync } from 'node:fs';
import { FileReader, findModules } from '@kelp/census';
import { KelpError } from '@kelp/core';
import {
  openCaptureFolder,
  verifyJson,
  verifyReport,
  verifySnapshot,
  type CaptureFolder,
  type UnverifiedModule,
  type VerifiedModule,
} from '@kelp/memory';
import { Command } from 'commander';
import { architectures } from '../architectures.ts';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';
import { startProgress } from '../progress.ts';

interface VerifyFlags {
  readonly modules?: string;
  readonly without?: readonly string[];
  readonly json?: true;
}

/** `kelp verify SOURCE [MODULE...]`: status 1 where bytes are unexplained or a module could not be verified. */
export function verifyCommand(io: Io, finish: Finish): Command {
  return new Command('verify')
    .description('compare the memory of loaded modules with what their files predict')
    .argument('<source>', 'a capture folder')
    .argument('[module...]', 'only these modules')
    .option('--modules <folder>', 'where the module files are; the modules folder of the capture without it')
    .option('--without <step...>', 'leave these finalization steps out, to see what they explain')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 every byte is explained, 1 some are not, 2 the source cannot be read.',
    )
    .action(async (source: string, modules: readonly string[], flags: VerifyFlags) => {
      const snapshot = openCaptureFolder(source);
      try {
        const results = await verify(snapshot, modules, flags, io);
        if (flags.json === true) {
          printJson(
            verifyJson(source, results, (address) => snapshot.symbols.at(address)?.symbol.name ?? null),
            io,
          );
        } else {
          printReport(verifyReport(source, results), io);
        }
        const clean = results.every(
          (result) => 'sections' in result && result.refused === undefined && isExplained(result),
        );
        finish(clean ? 0 : 1);
      } finally {
        snapshot.close();
      }
    });
}

type Result = UnverifiedModule | VerifiedModule;

function isExplained({
  sections,
}: {
  readonly sections: readonly { readonly unexplained: readonly unknown[] }[];
}): boolean {
  return sections.every(({ unexplained }) => unexplained.length === 0);
}

async function verify(
  snapshot: CaptureFolder,
  modules: readonly string[],
  flags: VerifyFlags,
  io: Io,
): Promise<readonly Result[]> {
  const files = flags.modules === undefined ? snapshot.moduleFiles : moduleFilesIn(flags.modules);
  const only = requireLoaded(snapshot, modules);
  const reader = new FileReader();
  const progress = startProgress(only?.size ?? snapshot.modules.length, io);
  const results: Result[] = [];
  try {
    const verified = verifySnapshot(snapshot, {
      architectures,
      // The reader's buffer is reused for the next file.
      moduleFile: async (name) => {
        const file = files.get(name);
        return file === undefined ? undefined : { file, bytes: (await reader.read(file)).slice() };
      },
      ...(only === undefined ? {} : { only }),
      ...(flags.without === undefined ? {} : { without: new Set(flags.without) }),
    });
    for await (const result of verified) {
      results.push(result);
      progress.add(1);
    }
  } finally {
    progress.stop();
  }
  return results;
}

function requireLoaded(snapshot: CaptureFolder, modules: readonly string[]): ReadonlySet<string> | undefined {
  if (modules.length === 0) return undefined;
  const loaded = new Set(snapshot.modules.map(({ name }) => name));
  const names = modules.map((name) => name.replaceAll('-', '_'));
  const missing = names.find((name) => !loaded.has(name));
  if (missing !== undefined)
    throw new KelpError('verify/not-loaded', `module ${missing} is not loaded in ${snapshot.origin}`);
  return new Set(names);
}

/** Module files below a folder by the name that the kernel gives the module. */
function moduleFilesIn(folder: string): ReadonlyMap<string, string> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) {
    throw new KelpError('file/not-found', 'no such folder', { file: folder });
  }
  const named = findModules([folder]).files.flatMap((file) => {
    const name = /([^/]+)\.ko(?:\.\w+)?$/u.exec(file)?.[1];
    return name === undefined ? [] : [[name.replaceAll('-', '_'), file] as const];
  });
  return new Map(named);
}
