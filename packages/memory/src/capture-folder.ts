import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { KelpError, type MachineText } from '@kelp/core';
import { parseExports, parsePerCpu, parseRegions, parseSections, parseSrcversions } from './capture-json.ts';
import type { CapturedRange, CapturedSection } from './capture-json.ts';
import { captureMemory } from './capture-memory.ts';
import { fileFault, systemCode } from './file-fault.ts';
import { addKallsyms } from './kallsyms.ts';
import { releaseOf, type KernelSnapshot, type LoadedModule } from './kernel-snapshot.ts';
import { addExports, SymbolCollector, type KernelSymbols } from './kernel-symbols.ts';
import { parseModules, type ModuleLine } from './proc-modules.ts';

/** A kernel recorded in a folder. Nothing is unpacked or read before it is needed. */
export interface CaptureFolder extends KernelSnapshot {
  readonly kind: 'capture';
  readonly folder: string;
  /** The module files beside the capture, by module name; empty where there are none. */
  readonly moduleFiles: ReadonlyMap<string, string>;
}

/** Files whose names tell a capture folder. */
const required = ['sections.json', 'modules.txt'] as const;

/** Whether a folder looks like a capture: so that a caller can tell it from a folder of captures. */
export function isCaptureFolder(folder: string): boolean {
  return required.every((name) => existsSync(join(folder, name)));
}

/**
 * Open a capture folder: sections.json, regions.json, modules.txt, memory/MODULE/*.bin, kallsyms.txt.gz (or
 * kallsyms.txt), and where they are present exports.json, percpu.json, srcversions.json, modules/*.ko and texts about the machine.
 *
 * A capture may be one of several steps of one run: what it lacks about the machine is then taken from the folder
 * above, which is recognized by its `version`.
 *
 * @throws KelpError `memory/not-a-capture` if the folder has another layout, `memory/damaged-capture`,
 *   `memory/damaged-modules`, `memory/unsafe-name`, `memory/hidden-addresses`, `memory/truncated`,
 *   `memory/not-found`, `memory/permission`. Symbols and memory throw when they are first asked for.
 */
export function openCaptureFolder(folder: string): CaptureFolder {
  checkLayout(folder);
  const machine = machineFolder(folder);
  const sections = parsePart(folder, 'sections.json', parseSections);
  const regions = parseOptional(folder, 'regions.json', parseRegions);
  const perCpu = parseOptional(folder, 'percpu.json', parsePerCpu);
  const srcversions = parseOptional(folder, 'srcversions.json', parseSrcversions);
  const lines = parsePart(folder, 'modules.txt', parseModules);
  const exported = parseExported(machine);
  const text = (name: MachineText): string | undefined => readOptional(join(machine, name))?.toString('utf8');
  let symbols: KernelSymbols | undefined;
  return {
    kind: 'capture',
    origin: folder,
    folder,
    release: releaseOf(text('version') ?? '') ?? 'unknown',
    elf: undefined,
    memory: captureMemory(folder, sections, regions),
    get symbols() {
      return (symbols ??= readSymbols(folder, exported));
    },
    exports: exported,
    modules: lines.map((line) => ({
      ...loadedModule(line, sections, regions, perCpu),
      srcversion: srcversions.get(line.name),
    })),
    moduleFiles: findModuleFiles(folder, machine),
    text,
    auxiliaryVector: () => readOptional(join(machine, 'auxv.bin')),
    close: () => undefined,
  };
}

function checkLayout(folder: string): void {
  let isFolder: boolean;
  try {
    isFolder = statSync(folder).isDirectory();
  } catch (error) {
    throw fileFault(error, folder);
  }
  const missing = isFolder ? required.filter((name) => !existsSync(join(folder, name))) : required;
  if (missing.length === 0) return;
  throw new KelpError('memory/not-a-capture', `no capture folder: it has no ${missing.join(' and no ')}`, {
    file: folder,
  });
}

function machineFolder(folder: string): string {
  const above = dirname(resolve(folder));
  return !existsSync(join(folder, 'version')) && existsSync(join(above, 'version')) ? above : folder;
}

function loadedModule(
  line: ModuleLine,
  sections: ReadonlyMap<string, readonly CapturedSection[]>,
  regions: ReadonlyMap<string, readonly CapturedRange[]>,
  perCpu: ReadonlyMap<string, CapturedRange>,
): LoadedModule {
  const own = sections.get(line.name) ?? [];
  return {
    name: line.name,
    state: line.state,
    base: line.base,
    size: line.size,
    sections: new Map(own.map(({ name, address, size }) => [name, { name, address, size }])),
    areas: (regions.get(line.name) ?? []).map(({ address, size }) => ({ name: 'vmalloc', address, size })),
    perCpu: perCpu.get(line.name),
  };
}

function parseExported(machine: string): ReadonlyMap<string, bigint> | undefined {
  return existsSync(join(machine, 'exports.json'))
    ? parsePart(machine, 'exports.json', parseExports)
    : undefined;
}

function readSymbols(folder: string, exported: ReadonlyMap<string, bigint> | undefined): KernelSymbols {
  const collector = new SymbolCollector();
  const names = ['kallsyms.txt.gz', 'kallsyms.txt'];
  const path = names.map((name) => join(folder, name)).find((one) => existsSync(one));
  if (path === undefined) throw missingPart(join(folder, 'kallsyms.txt.gz'));
  addKallsyms(collector, readPart(path), path);
  if (exported !== undefined) addExports(collector, exported);
  return collector.symbols();
}

/** The `.ko` files of `modules/`. The kernel writes `-` in a file name as `_` in the module's name. */
function findModuleFiles(folder: string, machine: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const home of new Set([machine, folder])) {
    const files = join(home, 'modules');
    if (!existsSync(files)) continue;
    for (const name of readdirSync(files).toSorted()) {
      const module = /^(.+)\.ko(?:\.(?:gz|xz|zst))?$/u.exec(name)?.[1];
      if (module !== undefined) found.set(module.replaceAll('-', '_'), join(files, name));
    }
  }
  return found;
}

function parsePart<T>(folder: string, name: string, parse: (text: string, file: string) => T): T {
  const path = join(folder, name);
  return parse(readPart(path).toString('utf8'), path);
}

function parseOptional<V>(
  folder: string,
  name: string,
  parse: (text: string, file: string) => ReadonlyMap<string, V>,
): ReadonlyMap<string, V> {
  return existsSync(join(folder, name)) ? parsePart(folder, name, parse) : new Map();
}

function readPart(path: string): Buffer {
  const bytes = readOptional(path);
  if (bytes === undefined) throw missingPart(path);
  return bytes;
}

function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileFault(error, path);
  }
}

function missingPart(file: string): KelpError {
  return new KelpError('memory/missing-part', 'the capture folder lacks this file', { file });
}
