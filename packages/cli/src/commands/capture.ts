import { mkdirSync } from 'node:fs';
import { KelpError } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { writeCapture } from '@kelp/memory';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { printJson, printReport } from '../print.ts';
import { moduleReader, openSource } from '../snapshot-source.ts';

interface CaptureFlags {
  readonly from?: string;
  readonly modules?: string;
  readonly json?: true;
}

/** `kelp capture FOLDER`: status 1 where memory of a module could not be read. */
export function captureCommand(io: Io, finish: Finish): Command {
  return new Command('capture')
    .description(
      'collect what kelp verify needs from the running kernel (as root); loads and changes nothing',
    )
    .argument('<folder>', 'a new folder for the capture')
    .option('--from <source>', 'a vmcore or another capture, instead of the running kernel')
    .option('--modules <folder>', 'where the module files are; /lib/modules without it')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit status: 0 everything was read, 1 some memory is missing, 2 the kernel cannot be read.',
    )
    .action(async (folder: string, flags: CaptureFlags) => {
      const { snapshot, files } = openSource(flags.from, flags.modules);
      try {
        createFolder(folder);
        const sizes = await sectionSizes(
          snapshot.modules.map(({ name }) => name),
          files,
        );
        const written = writeCapture(snapshot, folder, (module) => sizes.get(module) ?? new Map());
        if (flags.json === true) printJson({ schema: 1, folder, ...written }, io);
        else printReport(report(folder, written), io);
        finish(written.missing.length === 0 ? 0 : 1);
      } finally {
        snapshot.close();
      }
    });
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const message = exists ? 'exists already; give a new folder' : `cannot be created: ${String(error)}`;
    throw new KelpError('capture/folder', message, { file: folder }, { cause: error });
  }
}

type Sizes = ReadonlyMap<string, ReadonlyMap<string, number>>;

async function sectionSizes(modules: readonly string[], files: ReadonlyMap<string, string>): Promise<Sizes> {
  const read = moduleReader(files);
  const sizes = new Map<string, ReadonlyMap<string, number>>();
  for (const name of modules) {
    const found = await read(name);
    if (found === undefined) continue;
    const object = parseObjectFile(found.bytes, found.file);
    sizes.set(name, new Map(object.sections.slice(1).map((section) => [section.name, section.size])));
  }
  return sizes;
}

function report(folder: string, written: ReturnType<typeof writeCapture>): Parameters<typeof printReport>[0] {
  return {
    title: folder,
    blocks: [
      {
        kind: 'definitions',
        definitions: [
          { term: 'Modules', value: written.modules },
          { term: 'Bytes', value: written.bytes },
        ],
      },
      ...(written.missing.length === 0
        ? []
        : [
            {
              kind: 'list' as const,
              items: written.missing.map((one) => ({
                text: `not readable: ${one}`,
                tone: 'warning' as const,
              })),
            },
          ]),
    ],
  };
}
