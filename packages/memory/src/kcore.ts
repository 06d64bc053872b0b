import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KelpError, type MachineText } from '@kelp/core';
import { parseBtf } from './btf.ts';
import { readElfCore, type ElfCore } from './elf-core.ts';
import { fileFault, systemCode } from './file-fault.ts';
import { addKallsyms, hiddenAddresses } from './kallsyms.ts';
import { findExports } from './kernel-exports.ts';
import { KernelReader } from './kernel-reader.ts';
import { releaseOf, type KernelSnapshot, type LoadedModule, type LoadedSection } from './kernel-snapshot.ts';
import { addExports, SymbolCollector, type KernelSymbols } from './kernel-symbols.ts';
import { liveText, readOptional, type LivePaths } from './live-texts.ts';
import { inferLayout } from './module-inference.ts';
import { layoutFromBtf, type ModuleLayout } from './module-layout.ts';
import { readModule } from './module-structure.ts';
import { parseModules, type ModuleLine } from './proc-modules.ts';
import { RandomAccessFile } from './random-access-file.ts';

/** The kernel of this machine, read while it runs. Nothing is written and nothing is loaded. */
export interface LiveKernel extends KernelSnapshot {
  readonly kind: 'live';
  /** Where struct module keeps its areas and its per-CPU block; undefined where that cannot be found out. */
  readonly moduleLayout: ModuleLayout | undefined;
}

const usualPaths: LivePaths = { proc: '/proc', sys: '/sys', dev: '/dev', boot: '/boot' };

/** The section that is struct module itself. */
const thisModule = '.gnu.linkonce.this_module';

/**
 * Open the running kernel through /proc/kcore, /proc/modules, /proc/kallsyms and /sys/module, as root.
 *
 * /proc/kcore gives zeros for vmalloc pages that are not mapped.
 *
 * @throws KelpError `memory/permission` without CAP_SYS_RAWIO or under lockdown, `memory/no-kcore` without
 *   CONFIG_PROC_KCORE, `memory/hidden-addresses` under kptr_restrict, `memory/damaged-modules`, `memory/not-found`.
 */
export function openLiveKernel(paths: LivePaths = usualPaths): LiveKernel {
  const lines = parseModules(readText(join(paths.proc, 'modules')), join(paths.proc, 'modules'));
  const { file, core, memory } = openKcore(join(paths.proc, 'kcore'));
  try {
    const reader = new KernelReader(memory, core.byteOrder, file.path);
    const sections = new Map(lines.map(({ name }) => [name, readSections(paths, name)]));
    const moduleLayout = findLayout(paths, reader, sections);
    const text = (name: MachineText): string | undefined => liveText(paths, name);
    let found: { symbols: KernelSymbols; exports: ReadonlyMap<string, bigint> | undefined } | undefined;
    const symbols = (): { symbols: KernelSymbols; exports: ReadonlyMap<string, bigint> | undefined } => {
      return (found ??= readSymbols(paths, reader));
    };
    return {
      kind: 'live',
      origin: 'live',
      release: releaseOf(text('version') ?? '') ?? 'unknown',
      elf: { machine: core.machine, byteOrder: core.byteOrder },
      memory,
      get symbols() {
        return symbols().symbols;
      },
      get exports() {
        return symbols().exports;
      },
      modules: lines.map((line) =>
        loadedModule(
          reader,
          moduleLayout,
          line,
          sections.get(line.name) ?? new Map(),
          srcversion(paths, line),
        ),
      ),
      text,
      auxiliaryVector: () => readOptional(join(paths.proc, 'self', 'auxv')),
      close: () => file.close(),
      moduleLayout,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function openKcore(path: string): {
  file: RandomAccessFile;
  core: ElfCore;
  memory: NonNullable<ElfCore['virtual']>;
} {
  const file = openOrExplain(path);
  try {
    const core = readElfCore(file);
    if (core.virtual !== undefined) return { file, core, memory: core.virtual };
    throw new KelpError('memory/not-a-dump', 'no segments with virtual addresses', { file: path });
  } catch (error) {
    file.close();
    throw error;
  }
}

function openOrExplain(path: string): RandomAccessFile {
  try {
    return new RandomAccessFile(path, { cached: false });
  } catch (error) {
    const fault = fileFault(error, path);
    if (fault.code === 'memory/permission') {
      const message =
        'permission denied: reading kernel memory needs root (CAP_SYS_RAWIO) and a kernel that is not locked down';
      throw new KelpError(fault.code, message, { file: path }, { cause: error });
    }
    if (fault.code !== 'memory/not-found') throw fault;
    const message = 'not there: the kernel is built without CONFIG_PROC_KCORE, or procfs is not mounted';
    throw new KelpError('memory/no-kcore', message, { file: path }, { cause: error });
  }
}

/** /sys/module/NAME/sections: a file a section, with its address. In address order. */
function readSections(paths: LivePaths, module: string): ReadonlyMap<string, LoadedSection> {
  const folder = join(paths.sys, 'module', module, 'sections');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    // No folder: a kernel without CONFIG_KALLSYMS, or a module that is just going away.
    if (systemCode(error) === 'ENOENT') return new Map();
    throw fileFault(error, folder);
  }
  const sections = names.map((name): LoadedSection => {
    const path = join(folder, name);
    const text = readText(path).trim();
    if (!/^0x[0-9a-f]{1,16}$/iu.test(text)) {
      throw new KelpError('memory/damaged-section', `${JSON.stringify(text.slice(0, 80))} is no address`, {
        file: path,
      });
    }
    return { name, address: BigInt(text), size: undefined };
  });
  if (sections.length > 0 && sections.every(({ address }) => address === 0n)) {
    throw hiddenAddresses('every section has address 0', folder);
  }
  const inOrder = sections.toSorted((a, b) => (a.address < b.address ? -1 : Number(a.address > b.address)));
  return new Map(inOrder.map((section) => [section.name, section]));
}

/** Only modules that were built with a checksum have the file. */
function srcversion({ sys }: LivePaths, { name }: ModuleLine): string | undefined {
  return readOptional(join(sys, 'module', name, 'srcversion'))
    ?.toString('utf8')
    .trim();
}

function findLayout(
  paths: LivePaths,
  reader: KernelReader,
  sections: ReadonlyMap<string, ReadonlyMap<string, LoadedSection>>,
): ModuleLayout | undefined {
  const path = join(paths.sys, 'kernel', 'btf', 'vmlinux');
  const btf = readOptional(path);
  const known = btf === undefined ? undefined : layoutFromBtf(parseBtf(btf, reader.byteOrder, path));
  const structures = [...sections.values()].flatMap((one) => one.get(thisModule)?.address ?? []);
  return known ?? inferLayout(reader, structures);
}

function loadedModule(
  reader: KernelReader,
  layout: ModuleLayout | undefined,
  line: ModuleLine,
  sections: ReadonlyMap<string, LoadedSection>,
  checksum: string | undefined,
): LoadedModule {
  const address = sections.get(thisModule)?.address;
  const structure =
    layout === undefined || address === undefined ? undefined : readModule(reader, layout, address);
  // The areas of another module would be there if this one went away in between.
  const isSame = structure?.name === line.name && structure.base === line.base;
  const { name, state, base, size } = line;
  return {
    name,
    state,
    base,
    size,
    sections,
    areas: isSame ? structure.areas : [],
    perCpu: isSame ? structure.perCpu : undefined,
    srcversion: checksum,
  };
}

function readSymbols(
  paths: LivePaths,
  reader: KernelReader,
): { symbols: KernelSymbols; exports: ReadonlyMap<string, bigint> | undefined } {
  const path = join(paths.proc, 'kallsyms');
  const collector = new SymbolCollector();
  addKallsyms(collector, readBytes(path), path);
  const exports = findExports(reader, collector.symbols());
  if (exports !== undefined) addExports(collector, exports);
  return { symbols: collector.symbols(), exports };
}

function readText(path: string): string {
  return readBytes(path).toString('utf8');
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileFault(error, path);
  }
}
