import { FileReader } from '@kelp/census';
import { KelpError, parseKernel, requireArchitecture } from '@kelp/core';
import { findModinfoValue, parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import {
  livepatchConfiguration,
  parseSymbolList,
  setUpScene,
  symbolListHeader,
  type Scene,
  type SceneInput,
} from '@kelp/livepatch';
import { parseKallsyms } from '@kelp/memory';
import { InvalidArgumentError, type Command } from 'commander';
import { parseAddress } from './address-argument.ts';
import { architectures } from './architectures.ts';
import { readConfiguration } from './kernel-option.ts';

/** Options of commands that simulate the life of a livepatch. */
export interface SceneFlags {
  readonly kernel?: string;
  readonly config?: string;
  readonly base?: bigint;
  readonly pageSize?: number;
  readonly symbols?: string;
}

/** Add the options of {@link SceneFlags} to a command. */
export function addSceneOptions(command: Command): Command {
  return command
    .option('--kernel <release>', 'the kernel, instead of the one in vermagic')
    .option('--config <file>', 'its configuration; otherwise that of a kernel with livepatch')
    .option('--base <address>', 'where the memory of modules starts', parseAddress)
    .option('--page-size <bytes>', 'instead of the usual one of the architecture', parsePageSize)
    .option(
      '--symbols <file>',
      'symbols of vmlinux: System.map, /proc/kallsyms or a list of `kelp symbols`; otherwise made up',
    );
}

/** A size that a kernel can have pages of. */
export function parsePageSize(text: string): number {
  const size = Number(text);
  if (!Number.isInteger(Math.log2(size)) || size < 4096 || size > 65536)
    throw new InvalidArgumentError('expected 4096 to 65536');
  return size;
}

/**
 * Read a livepatch and the modules that it patches, and set up the kernel that they are loaded into.
 *
 * @throws KelpError for files that cannot be read, `lifecycle/...`.
 */
export async function readScene(file: string, targets: readonly string[], flags: SceneFlags): Promise<Scene> {
  const reader = new FileReader();
  const read = async (path: string): Promise<ObjectFile> =>
    parseObjectFile(new Uint8Array(await reader.read(path)), path);
  const object = await read(file);
  const architecture = requireArchitecture(object, architectures);
  const configuration = readConfiguration(flags.config);
  const kernel = parseKernel(
    releaseOf(object, flags.kernel),
    configuration ?? livepatchConfiguration(architecture),
  );
  const modules: ObjectFile[] = [];
  for (const target of targets) {
    const module = await read(target);
    if (requireArchitecture(module, architectures) !== architecture) {
      const message = `is not a module of ${architecture.id}, as ${file} is`;
      throw new KelpError('lifecycle/architecture', message, { file: target });
    }
    modules.push(module);
  }
  const symbols = flags.symbols === undefined ? {} : await readSymbols(flags.symbols, reader);
  const { base, pageSize } = flags;
  const scene = setUpScene({ object, architecture, kernel, targets: modules, base, pageSize, ...symbols });
  if (configuration !== undefined) return scene;
  return { ...scene, invented: ['configuration: livepatch and what it needs', ...scene.invented] };
}

function releaseOf(object: ObjectFile, given: string | undefined): string {
  const vermagic = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic');
  const release = given ?? vermagic?.split(' ', 1)[0];
  if (release !== undefined) return release;
  throw new KelpError('kernel/unknown', 'no vermagic; give --kernel', { file: object.file });
}

const decoder = new TextDecoder();

async function readSymbols(
  file: string,
  reader: FileReader,
): Promise<Pick<SceneInput, 'vmlinux' | 'vmlinuxNames'>> {
  const bytes = new Uint8Array(await reader.read(file));
  const header = decoder.decode(bytes.subarray(0, symbolListHeader.length));
  if (header === symbolListHeader) {
    const names = parseSymbolList(decoder.decode(bytes), file).objects.get('vmlinux');
    if (names !== undefined) return { vmlinuxNames: names };
    throw new KelpError('lifecycle/no-symbols', 'has no symbols of vmlinux', { file });
  }
  const symbols = parseKallsyms(bytes, file);
  return {
    vmlinux: (name) =>
      symbols
        .namedIn(name, undefined)
        .map(({ address }) => address)
        .toSorted((a, b) => (a < b ? -1 : Number(a > b))),
  };
}
