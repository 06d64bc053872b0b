import { KelpError, type MachineText } from '@kelp/core';
import type { AddressSpace } from './address-space.ts';
import { addressSpaces } from './address-spaces.ts';
import type { Btf } from './btf.ts';
import { openDump, type Dump } from './dump.ts';
import { findKernel, utsname, utsnameText, type DumpedKernel } from './dumped-kernel.ts';
import { addKallsymsTable } from './kallsyms-table.ts';
import { findExports } from './kernel-exports.ts';
import { findBtf } from './kernel-image.ts';
import type { KernelReader } from './kernel-reader.ts';
import type { KernelSnapshot, LoadedModule } from './kernel-snapshot.ts';
import { addExports, SymbolCollector, type KernelSymbols } from './kernel-symbols.ts';
import { inferLayout } from './module-inference.ts';
import { layoutFromBtf, moduleStart, type ModuleLayout } from './module-layout.ts';
import { searchModuleList, walkModules } from './module-list.ts';
import { addModuleSymbols, readModule } from './module-structure.ts';
import type { PageTables } from './page-tables.ts';
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
 * @throws KelpError what {@link openDump} throws; `memory/unknown-machine`, `memory/no-vmcoreinfo` and `memory/no-page-tables` if the kernel
 *   cannot be found in the dump; `memory/no-kallsyms`, `memory/damaged-kallsyms`, `memory/damaged-module-list`,
 *   `memory/damaged-module`, `memory/no-module-layout`, and `memory/absent` if a page that is needed is not in the dump.
 */
export function openVmcore(path: string, spaces: readonly AddressSpace[] = addressSpaces): Vmcore {
  const dump = openDump(path);
  try {
    return readVmcore(dump, findKernel(dump, spaces));
  } catch (error) {
    dump.close();
    throw error;
  }
}

function readVmcore(dump: Dump, kernel: DumpedKernel): Vmcore {
  const { info, reader, pageTables, space } = kernel;
  const collector = new SymbolCollector();
  addKallsymsTable(collector, info, reader);
  const image = collector.symbols();
  const exported = findExports(reader, image);
  if (exported !== undefined) addExports(collector, exported);
  const types = findBtf(reader, image);
  const moduleStructures = findModules(kernel, image, types);
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
    elf: { machine: space.machine, byteOrder: space.byteOrder },
    memory: reader.memory,
    symbols: collector.symbols(),
    exports: exported,
    modules,
    text: (name) => machineText(name, kernel, image),
    auxiliaryVector: () => undefined,
    pageSize: info.pageSize,
    possibleProcessors: possibleProcessors(reader, collector.symbols()),
    close: () => dump.close(),
    dump,
    info,
    pageTables,
    types,
    moduleLayout,
    moduleStructures,
  };
}

function findModules(
  { reader, info, root, pageTables, space }: DumpedKernel,
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

/** nr_cpu_ids, which is exported and so found in every kernel; undefined where it is a constant of the build. */
function possibleProcessors(reader: KernelReader, symbols: KernelSymbols): number | undefined {
  const address = symbols.address('nr_cpu_ids');
  const view = address === undefined ? undefined : reader.tryView(address, 4);
  return view?.u32(0);
}

/** What a dump tells of the texts of a capture: the banner, and the command line where its symbol is known. */
function machineText(name: MachineText, kernel: DumpedKernel, image: KernelSymbols): string | undefined {
  const { reader, info } = kernel;
  if (name === 'version') {
    const version = utsnameText(kernel, utsname.version);
    return version === undefined ? undefined : `Linux version ${info.release ?? ''} ${version}\n`;
  }
  if (name !== 'cmdline') return undefined;
  const pointer = image.address('saved_command_line');
  const text = pointer === undefined ? undefined : reader.tryU64(pointer);
  const line = text === undefined ? undefined : reader.tryString(text, 4096);
  return line === undefined ? undefined : `${line}\n`;
}
