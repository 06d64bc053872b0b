import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseObjectFile } from '@kelp/core/elf';
import { writeCapture, type WrittenCapture } from '@kelp/memory';
import type { Report } from '@kelp/report';
import { Command } from 'commander';
import type { Finish, Io } from '../io.ts';
import { createFolder } from '../output-folder.ts';
import { printJson, printReport } from '../print.ts';
import { moduleReader, openSource } from '../snapshot-source.ts';

interface CaptureFlags {
  readonly from?: string;
  readonly modules?: string;
  readonly json?: true;
}

/** `kelp capture FOLDER`: status 1 where memory or the file of a module is missing. */
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
      '\nExit status: 0 everything was read, 1 memory or files of modules are missing, 2 the kernel cannot be read.',
    )
    .action(async (folder: string, flags: CaptureFlags) => {
      const { snapshot, files } = openSource(flags.from, flags.modules);
      try {
        createFolder(folder);
        const names = snapshot.modules.map(({ name }) => name);
        const sizes = await sectionSizes(names, files);
        const written = writeCapture(snapshot, folder, (module) => sizes.get(module) ?? new Map());
        const withoutFile = copyModuleFiles(names, files, folder);
        if (flags.json === true) printJson({ schema: 1, folder, ...written, withoutFile }, io);
        else printReport(report(folder, written, withoutFile), io);
        finish(written.missing.length + withoutFile.length === 0 ? 0 : 1);
      } finally {
        snapshot.close();
      }
    });
}

/** Put the module files beside their memory, so that the capture alone can be verified. */
function copyModuleFiles(
  modules: readonly string[],
  files: ReadonlyMap<string, string>,
  folder: string,
): readonly string[] {
  const target = join(folder, 'modules');
  mkdirSync(target);
  return modules.filter((name) => {
    const file = files.get(name);
    if (file === undefined) return true;
    const suffix = /\.ko(?:\.(?:gz|xz|zst))?$/u.exec(file)?.[0] ?? '.ko';
    copyFileSync(file, join(target, `${name}${suffix}`));
    return false;
  });
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

function report(folder: string, written: WrittenCapture, withoutFile: readonly string[]): Report {
  const lacking = [
    ...written.missing.map((one) => `not readable: ${one}`),
    ...withoutFile.map((name) => `no file of module ${name}`),
  ];
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
      ...(lacking.length === 0
        ? []
        : [{ kind: 'list' as const, items: lacking.map((text) => ({ text, tone: 'warning' as const })) }]),
    ],
  };
}
