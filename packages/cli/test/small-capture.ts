import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseKernel, requireArchitecture } from '@kelp/core';
import { findModinfoValue, parseObjectFile, SHN_UNDEF, STB_WEAK, type ObjectFile } from '@kelp/core/elf';
import { layOutModule, loadModule, placeConsecutively, type LoadedModule } from '@kelp/loader';
import { architectures } from '../src/architectures.ts';
import { fixture } from './run.ts';

/** Where a made-up kernel has its functions and its modules; other symbols follow the functions. */
interface AddressMap {
  readonly functions: bigint;
  readonly modules: bigint;
  readonly perCpu: bigint;
  /** Of ftrace. */
  readonly trampolines: bigint;
  readonly pageSize: number;
}

const addressMaps: ReadonlyMap<string, AddressMap> = new Map([
  [
    'x86',
    {
      functions: 0xffff_ffff_8100_0000n,
      modules: 0xffff_ffff_c000_0000n,
      trampolines: 0xffff_ffff_c010_0000n,
      perCpu: 0x2_0000n,
      pageSize: 4096,
    },
  ],
  [
    'arm64',
    // Out of reach of a branch: imports get PLT entries.
    {
      functions: 0xffff_8000_0800_0000n,
      modules: 0xffff_8000_7a00_0000n,
      trampolines: 0xffff_8000_7a10_0000n,
      perCpu: 0xffff_8000_0900_0000n,
      pageSize: 4096,
    },
  ],
  [
    'ppc64le',
    {
      functions: 0xc000_0000_0001_0000n,
      modules: 0xc008_0000_0000_0000n,
      trampolines: 0xc008_0000_0010_0000n,
      perCpu: 0xc000_0000_0100_0000n,
      pageSize: 65536,
    },
  ],
  [
    's390x',
    // Out of reach of a branch, too.
    {
      functions: 0x10_0000n,
      modules: 0x3ff_8000_0000n,
      trampolines: 0x3ff_8010_0000n,
      perCpu: 0x3ff_7f00_0000n,
      pageSize: 4096,
    },
  ],
]);

/** What a loader looks up that a module need not import. */
const otherSymbols: readonly string[] = [
  '_stext',
  '__x86_return_thunk',
  'ftrace_caller',
  'ftrace_regs_caller',
  'mcount',
];

/** A capture of a kernel with one module, whose memory is what loading it at made-up addresses gives. */
export interface SmallCapture {
  readonly folder: string;
  /** Name of the module, as the kernel writes it. */
  readonly module: string;
  /** The module's file in the capture. */
  readonly file: string;
  readonly loaded: LoadedModule;
  /** Files of sections by name. */
  readonly sections: ReadonlyMap<string, CapturedFile>;
  /** Imports and what else the kernel defines. */
  readonly symbols: ReadonlyMap<string, bigint>;
  /** Functions of the module. */
  readonly functions: readonly ModuleFunction[];
}

interface ModuleFunction {
  readonly name: string;
  readonly address: bigint;
}

interface CapturedFile {
  readonly path: string;
  readonly address: bigint;
  readonly size: number;
}

export interface CaptureOptions {
  /** Of the module file in the capture; without it, the module's name. */
  readonly fileName?: string;
  /** Where the kernel's symbols are. */
  readonly functions?: bigint;
  /** More symbols that kallsyms lists, for livepatch relocations: in the order of positions. */
  readonly more?: readonly MoreSymbol[];
}

/** A symbol that kallsyms lists; of the kernel without a module. */
interface MoreSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly module?: string;
}

/** Write a capture of a fixture, `x86/hello-6.1.ko`, into a new folder. */
export function makeCapture(folder: string, name: string, options: CaptureOptions = {}): SmallCapture {
  const bytes = readFileSync(fixture(name));
  const object = parseObjectFile(bytes, name);
  const known = addressMapOf(object);
  const map = { ...known, functions: options.functions ?? known.functions };
  const symbols = makeSymbols(object, map);
  const more = options.more ?? [];
  const loaded = load(object, map, symbols, more);
  if (loaded.refused !== undefined) throw new Error(`${name} is refused: ${loaded.refused.reason}`);
  const module = modinfo(object, 'name');
  const functions = functionsOf(object, loaded);
  const file = join(folder, 'modules', options.fileName ?? `${module}.ko`);
  const sections = new Map<string, CapturedFile>();
  for (const { index, name: section, address, size, init } of loaded.image.sections) {
    if (size === 0 || init) continue;
    const path = join(folder, 'memory', module, `section-${index}.bin`);
    write(path, loaded.image.read(address, size) ?? new Uint8Array());
    sections.set(section, { path, address, size });
  }
  const areas = loaded.image.areas.filter(({ area, bytes: memory }) => !area.init && memory.length > 0);
  for (const { address, bytes: memory } of areas) write(regionPath(folder, module, address), memory);
  const regions = areas.map(({ address, bytes: memory }) => ({ address: hex(address), size: memory.length }));
  write(join(folder, 'regions.json'), JSON.stringify({ [module]: regions }));
  write(join(folder, 'sections.json'), sectionsJson(module, folder, loaded, sections));
  write(join(folder, 'modules.txt'), `${module} 16384 0 - Live 0x${loaded.image.textAddress.toString(16)}\n`);
  write(join(folder, 'percpu.json'), JSON.stringify({ [module]: { address: hex(map.perCpu), size: 64 } }));
  write(join(folder, 'version'), `Linux version ${releaseOf(object)} (made up)\n`);
  write(join(folder, 'cpuinfo.txt'), 'processor\t: 0\nprocessor\t: 1\n');
  write(join(folder, 'auxv.bin'), auxiliaryVector(map.pageSize, object.byteOrder));
  const own = functions.map((one) => ({ ...one, module }));
  write(join(folder, 'kallsyms.txt.gz'), kallsyms(symbols, [...more, ...own]));
  write(file, bytes);
  return { folder, module, file, loaded, sections, symbols, functions };
}

/** The folder's kallsyms without some symbols. */
export function removeSymbols({ folder, symbols }: SmallCapture, ...names: readonly string[]): void {
  const kept = new Map([...symbols].filter(([name]) => !names.includes(name)));
  writeFileSync(join(folder, 'kallsyms.txt.gz'), gzipSync(kallsymsLines(kept).join('')));
}

function write(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** File of the memory around sections. */
export function regionPath(folder: string, module: string, address: bigint): string {
  return join(folder, 'memory', module, `region-${digits(address)}.bin`);
}

/** Change one byte of a file. */
export function flipByte(path: string, offset: number, bits: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ bits;
  writeFileSync(path, bytes);
}

function addressMapOf(object: ObjectFile): AddressMap {
  const map = addressMaps.get(requireArchitecture(object, architectures).id);
  if (map === undefined) throw new Error('an architecture without made-up addresses');
  return map;
}

function makeSymbols(object: ObjectFile, { functions }: AddressMap): ReadonlyMap<string, bigint> {
  const names = new Set(otherSymbols);
  const symbols = object.symbols();
  if (symbols === undefined) throw new Error('a module without symbols');
  for (let index = 1; index < symbols.count; index++) {
    const name = symbols.name(index);
    // Weak ones stay 0 where no kernel has them, as checksums do.
    const imported = symbols.rawSectionIndex(index) === SHN_UNDEF && symbols.binding(index) !== STB_WEAK;
    if (imported && name !== '') names.add(name.replace(/^\./u, ''));
  }
  return new Map([...names].map((name, index) => [name, functions + BigInt(index) * 0x40n]));
}

function load(
  object: ObjectFile,
  map: AddressMap,
  symbols: ReadonlyMap<string, bigint>,
  more: readonly MoreSymbol[],
): LoadedModule {
  const architecture = requireArchitecture(object, architectures);
  const kernel = parseKernel(releaseOf(object));
  const machine = {
    pageSize: map.pageSize,
    smp: true,
    feature: () => undefined,
    // One for all stubs of ppc64le; verify finds it.
    value: (name: string) => (name === 'kernel-toc' ? map.functions + 0x123_4500n : undefined),
  };
  const plan = architecture.linkage?.plan?.(object, kernel, machine);
  const areas = layOutModule(object, kernel, map.pageSize, plan);
  const functions = new Map([...symbols].map(([name, address]) => [address, name]));
  return loadModule({
    object,
    architecture,
    kernel,
    machine,
    addresses: { areas: placeConsecutively(areas, map.modules, map.pageSize) },
    external: {
      address: (name) => symbols.get(name),
      functionAt: (address) => functions.get(address),
    },
    livepatchSymbols: (_object, wanted) =>
      more
        .filter(({ name, module }) => name === wanted && module === undefined)
        .map(({ address }) => address),
    perCpuAddress: map.perCpu,
    // s390x 6.1 always has one; a verification reads it from the call sites.
    answers: new Map([
      [`kernel-chosen ftrace trampolines of text ${hex(map.modules)}`, hex(map.trampolines)],
    ]),
  });
}

function sectionsJson(
  module: string,
  folder: string,
  { image }: LoadedModule,
  files: ReadonlyMap<string, CapturedFile>,
): string {
  const sections = image.sections
    .filter(({ size }) => size > 0)
    .map(({ name, address, size }) => {
      const path = files.get(name)?.path.slice(folder.length + 1);
      return [name, { address: hex(address), size, ...(path === undefined ? {} : { file: path }) }];
    });
  const described: unknown = Object.fromEntries(sections);
  return JSON.stringify({ [module]: described });
}

function functionsOf(object: ObjectFile, { image }: LoadedModule): readonly ModuleFunction[] {
  const functions: ModuleFunction[] = [];
  const table = object.symbols();
  const addresses = new Map(image.sections.map(({ index, address }) => [index, address]));
  if (table === undefined) throw new Error('a module without symbols');
  for (let index = 1; index < table.count; index++) {
    const address = addresses.get(table.sectionIndex(index) ?? -1);
    // STT_FUNC.
    if (address === undefined || table.type(index) !== 2) continue;
    functions.push({ name: table.name(index), address: address + table.value(index) });
  }
  return functions;
}

function kallsyms(symbols: ReadonlyMap<string, bigint>, more: readonly MoreSymbol[]): Uint8Array {
  const lines = more.map(({ name, address, module }) => {
    const origin = module === undefined ? '' : `\t[${module}]`;
    return `${digits(address)} t ${name}${origin}\n`;
  });
  return gzipSync([...kallsymsLines(symbols), ...lines].join(''));
}

function kallsymsLines(symbols: ReadonlyMap<string, bigint>): string[] {
  return [...symbols].map(([name, address]) => `${digits(address)} T ${name}\n`);
}

/** AT_PAGESZ and AT_NULL. */
function auxiliaryVector(pageSize: number, byteOrder: 'big' | 'little'): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setBigUint64(0, 6n, byteOrder === 'little');
  view.setBigUint64(8, BigInt(pageSize), byteOrder === 'little');
  return new Uint8Array(view.buffer);
}

function releaseOf(object: ObjectFile): string {
  return modinfo(object, 'vermagic').split(' ', 1)[0] ?? '';
}

function modinfo(object: ObjectFile, name: string): string {
  return findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), name) ?? '';
}

function digits(address: bigint): string {
  return address.toString(16).padStart(16, '0');
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
