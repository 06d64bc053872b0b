import { KelpError } from '@kelp/core';
import type { AddressSpace, PageTableRoot } from './address-space.ts';
import { addressSpaces } from './address-spaces.ts';
import type { Btf } from './btf.ts';
import { openDump, type Dump } from './dump.ts';
import { findVmcoreInfo } from './find-vmcoreinfo.ts';
import { addKallsymsTable } from './kallsyms-table.ts';
import { findExports } from './kernel-exports.ts';
import { findBtf } from './kernel-image.ts';
import { KernelReader } from './kernel-reader.ts';
import type { KernelSnapshot, LoadedModule, MachineText } from './kernel-snapshot.ts';
import { addExports, SymbolCollector, type KernelSymbols } from './kernel-symbols.ts';
import { layered, memorySource, type MemorySource } from './memory-source.ts';
import { inferLayout } from './module-inference.ts';
import { layoutFromBtf, moduleStart, type ModuleLayout } from './module-layout.ts';
import { searchModuleList, walkModules } from './module-list.ts';
import { addModuleSymbols, readModule } from './module-structure.ts';
import { PageTables, translatedMemory } from './page-tables.ts';
import type { VmcoreInfo } from './vmcoreinfo.ts';

/** A crashed or dumped kernel, of which nothing but its memory is known. */
export interface Vmcore extends KernelSnapshot {
  readonly kind: 'vmcore';
  readonly dump: Dump;
  readonly info: VmcoreInfo;
  /** The page tables that memory is read through; undefined where the dump itself has virtual addresses only. */
  readonly pageTables: PageTables | undefined;
  /** The kernel's type information; undefined where it has none. */
  readonly types: Btf | undefined;
  /** Where struct module keeps what was read; undefined where no module is loaded. */
  readonly moduleLayout: ModuleLayout | undefined;
  /** Addresses of the struct module of every module, in the order of `modules`. */
  readonly moduleStructures: readonly bigint[];
}

/**
 * Open a memory dump and find symbols, modules and the addresses of their sections in it, without any other file.
 *
 * @param spaces - the architectures to tell apart.
 * @throws KelpError what {@link openDump} throws; `memory/no-vmcoreinfo` and `memory/no-page-tables` if the kernel
 *   cannot be found in the dump; `memory/no-kallsyms`, `memory/damaged-kallsyms`, `memory/damaged-module-list`,
 *   `memory/damaged-module`, `memory/no-module-layout`, and `memory/absent` if a page that is needed is not in the dump.
 */
export function openVmcore(path: string, spaces: readonly AddressSpace[] = addressSpaces): Vmcore {
  const dump = openDump(path, spaces);
  try {
    return readVmcore(dump, spaceOf(dump, spaces));
  } catch (error) {
    dump.close();
    throw error;
  }
}

/** Where a kernel in a dump is. */
interface Kernel {
  readonly info: VmcoreInfo;
  readonly root: PageTableRoot | undefined;
  readonly pageTables: PageTables | undefined;
  readonly reader: KernelReader;
}

function spaceOf({ machine, byteOrder, path }: Dump, spaces: readonly AddressSpace[]): AddressSpace {
  const space = spaces.find((one) => one.machine === machine && one.byteOrder === byteOrder);
  if (space !== undefined) return space;
  const known = spaces.map(({ architecture }) => architecture).join(', ');
  const message = `a dump of ELF machine ${machine}, ${byteOrder} endian, which is none of ${known}`;
  throw new KelpError('memory/unknown-machine', message, { file: path });
}

function readVmcore(dump: Dump, space: AddressSpace): Vmcore {
  const kernel = findKernel(dump, space);
  const { info, reader, pageTables } = kernel;
  const collector = new SymbolCollector();
  addKallsymsTable(collector, info, reader);
  const image = collector.symbols();
  const exported = findExports(reader, image);
  if (exported !== undefined) addExports(collector, exported);
  const types = findBtf(reader, image);
  const moduleStructures = findModules(kernel, space, image, types);
  const moduleLayout = findLayout(reader, moduleStructures, types);
  const modules =
    moduleLayout === undefined
      ? []
      : moduleStructures.map((address) => readModule(reader, moduleLayout, address));
  addSymbolsOfModules(collector, reader, moduleLayout, moduleStructures, modules);
  return {
    kind: 'vmcore',
    origin: dump.path,
    release: info.release ?? 'unknown',
    elf: { machine: dump.machine, byteOrder: dump.byteOrder },
    memory: reader.memory,
    symbols: collector.symbols(),
    exports: exported,
    modules,
    text: (name) => machineText(name, kernel, image),
    auxiliaryVector: () => undefined,
    close: () => dump.close(),
    dump,
    info,
    pageTables,
    types,
    moduleLayout,
    moduleStructures,
  };
}

/** The first VMCOREINFO with page tables through which the kernel says that it is the same. */
function findKernel(dump: Dump, space: AddressSpace): Kernel {
  const { physical, virtual, byteOrder, path } = dump;
  let foundInfo = false;
  for (const info of findVmcoreInfo(dump, space)) {
    foundInfo = true;
    const roots = physical === undefined ? [] : space.roots({ info, notes: dump.notes, physical });
    for (const root of roots) {
      if (physical === undefined) continue;
      const pageTables = new PageTables(root.format, root.root, physical);
      const mapped = mappedMemory(pageTables, physical, root, space);
      const reader = new KernelReader(
        virtual === undefined ? mapped : layered(mapped, virtual),
        byteOrder,
        path,
      );
      if (isKernel(reader, info)) return { info, root, pageTables, reader };
    }
    const reader = virtual === undefined ? undefined : new KernelReader(virtual, byteOrder, path);
    if (reader !== undefined && isKernel(reader, info))
      return { info, root: undefined, pageTables: undefined, reader };
  }
  if (!foundInfo)
    throw new KelpError('memory/no-vmcoreinfo', 'no VMCOREINFO in the notes or in memory', { file: path });
  const message = 'none of the page tables that VMCOREINFO and the CPU registers name leads to the kernel';
  throw new KelpError('memory/no-page-tables', message, { file: path });
}

function mappedMemory(
  pageTables: PageTables,
  physical: MemorySource,
  root: PageTableRoot,
  space: AddressSpace,
): MemorySource {
  const mapped = translatedMemory(pageTables, physical);
  const linear = space.linear?.(root);
  if (linear === undefined) return mapped;
  const direct = memorySource((address, length) => {
    if (address < linear.start || address >= linear.end) return { length, absent: 'not-mapped' };
    const [piece] = physical.pieces(address - linear.start + linear.physical, length);
    if (piece === undefined) return { length, absent: 'not-mapped' };
    return 'bytes' in piece ? piece.bytes : { length: piece.length, absent: piece.absent };
  });
  return layered(mapped, direct);
}

/** struct new_utsname: six texts of 65 bytes; the third is the release, the fourth the version. */
const utsname = { size: 65, release: 2 * 65, version: 3 * 65 };

function isKernel(reader: KernelReader, info: VmcoreInfo): boolean {
  return info.release !== undefined && utsnameText(reader, info, utsname.release) === info.release;
}

function utsnameText(reader: KernelReader, info: VmcoreInfo, field: number): string | undefined {
  const namespace = info.symbol('init_uts_ns');
  const name = info.offset('uts_namespace.name');
  if (namespace === undefined || name === undefined) return undefined;
  return reader.tryString(namespace + BigInt(name + field), utsname.size);
}

function findModules(
  { reader, info, root, pageTables }: Kernel,
  space: AddressSpace,
  image: KernelSymbols,
  types: Btf | undefined,
): bigint[] {
  const named = image.address('modules');
  const module = types?.struct('module');
  const list = module === undefined ? undefined : types?.member(module, 'list')?.offset;
  if (named !== undefined) return walkModules(reader, named, list ?? moduleStart.list);
  if (root === undefined || pageTables === undefined) return [];
  const { start, end } = space.modules(root, info, reader);
  const head = searchModuleList(reader, pageTables.mapped(start, end, BigInt(info.pageSize ?? 4096)));
  return head === undefined ? [] : walkModules(reader, head, moduleStart.list);
}

function findLayout(
  reader: KernelReader,
  modules: readonly bigint[],
  types: Btf | undefined,
): ModuleLayout | undefined {
  if (modules.length === 0) return undefined;
  const layout = (types === undefined ? undefined : layoutFromBtf(types)) ?? inferLayout(reader, modules);
  if (layout !== undefined) return layout;
  const message = `no type information, and the ${modules.length} modules do not agree on a layout of struct module`;
  throw new KelpError('memory/no-module-layout', message, { file: reader.file });
}

function addSymbolsOfModules(
  collector: SymbolCollector,
  reader: KernelReader,
  layout: ModuleLayout | undefined,
  structures: readonly bigint[],
  modules: readonly LoadedModule[],
): void {
  if (layout?.kallsyms === undefined) return;
  for (const [index, { name, state }] of modules.entries()) {
    const address = structures[index];
    if (address !== undefined && state !== 'unformed')
      addModuleSymbols(collector, reader, layout.kallsyms, { address, name });
  }
}

/** What a dump tells of the texts of a capture: the banner, and the command line where its symbol is known. */
function machineText(name: MachineText, { reader, info }: Kernel, image: KernelSymbols): string | undefined {
  if (name === 'version') {
    const version = utsnameText(reader, info, utsname.version);
    return version === undefined ? undefined : `Linux version ${info.release ?? ''} ${version}\n`;
  }
  if (name !== 'cmdline') return undefined;
  const pointer = image.address('saved_command_line');
  const text = pointer === undefined ? undefined : reader.tryU64(pointer);
  const line = text === undefined ? undefined : reader.tryString(text, 4096);
  return line === undefined ? undefined : `${line}\n`;
}
