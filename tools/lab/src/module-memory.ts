import {
  inferPerCpu,
  KernelReader,
  type KernelSnapshot,
  type LoadedModule,
  type MemoryArea,
} from '@kelp/memory';

const pageSize = 4096n;

/** The section that is struct module itself. */
const thisModule = '.gnu.linkonce.this_module';

/**
 * The modules of a snapshot with their memory areas and per-CPU blocks, where struct module has not told them: of the
 * guest's memory only vmalloc areas are recorded, and what struct module points to is elsewhere.
 *
 * @param sectionSize - bytes of a section by the module file.
 */
export function withMemory(
  snapshot: KernelSnapshot,
  sectionSize: (module: string, section: string) => number | undefined,
): readonly LoadedModule[] {
  const areas = vmallocAreas(snapshot.text('vmallocinfo.txt') ?? '');
  const shared = sharedAreas(snapshot.modules, areas);
  const perCpu = perCpuBlocks(snapshot, sectionSize);
  return snapshot.modules.map((module) => ({
    ...module,
    areas: [
      ...areasOf(module, areas, shared, sectionSize),
      ...generatedAreas(snapshot, module, areas, sectionSize),
    ],
    perCpu: perCpu.get(module.name),
  }));
}

/** Areas of /proc/vmallocinfo in its order, which is that of addresses; a guard page is part of each. */
export function vmallocAreas(text: string): readonly MemoryArea[] {
  return [...text.matchAll(/^0x([0-9a-f]+)-0x([0-9a-f]+)\s/gmu)].map(([, start, end]) => {
    const address = BigInt(`0x${start ?? ''}`);
    return { name: 'vmalloc', address, size: Number(BigInt(`0x${end ?? ''}`) - address) };
  });
}

/** Symbols and their names lie with the init sections; the kernel keeps a copy of what it needs of them. */
const freedTables: ReadonlySet<string> = new Set(['.symtab', '.strtab']);

/** Sections that stay: init sections are freed, and their addresses may belong to others by now. */
function keptSections(module: LoadedModule): readonly { readonly name: string; readonly address: bigint }[] {
  return [...module.sections.values()].filter(
    ({ name }) => !name.startsWith('.init') && !freedTables.has(name),
  );
}

function holds(area: MemoryArea, address: bigint): boolean {
  return area.address <= address && address < area.address + BigInt(area.size);
}

/** Areas with sections of several modules: since 6.13 x86 fills huge pages with the text of many. */
function sharedAreas(
  modules: readonly LoadedModule[],
  areas: readonly MemoryArea[],
): ReadonlySet<MemoryArea> {
  const owner = new Map<MemoryArea, string>();
  const shared = new Set<MemoryArea>();
  for (const module of modules) {
    for (const { address } of keptSections(module)) {
      const area = areas.find((one) => holds(one, address));
      if (area === undefined) continue;
      if ((owner.get(area) ?? module.name) !== module.name) shared.add(area);
      owner.set(area, module.name);
    }
  }
  return shared;
}

/** Whole areas, which hold GOT, PLT and stubs too; of shared ones the pages from the first to the last section. */
function areasOf(
  module: LoadedModule,
  areas: readonly MemoryArea[],
  shared: ReadonlySet<MemoryArea>,
  sectionSize: (module: string, section: string) => number | undefined,
): readonly MemoryArea[] {
  return areas.flatMap((area) => {
    const inside = keptSections(module).filter(({ address }) => holds(area, address));
    if (inside.length === 0) return [];
    if (!shared.has(area)) return [area];
    const starts = inside.map(({ address }) => address);
    const ends = inside.map(({ name, address }) => address + BigInt(sectionSize(module.name, name) ?? 0));
    const start = starts.reduce((a, b) => (a < b ? a : b)) & -pageSize;
    const end = (ends.reduce((a, b) => (a > b ? a : b)) + pageSize - 1n) & -pageSize;
    return [{ name: area.name, address: start, size: Number(end - start) }];
  });
}

/** Areas without sections that struct module points to: the ftrace trampolines of s390x. */
function generatedAreas(
  snapshot: KernelSnapshot,
  module: LoadedModule,
  areas: readonly MemoryArea[],
  sectionSize: (module: string, section: string) => number | undefined,
): readonly MemoryArea[] {
  const structure = module.sections.get(thisModule)?.address;
  const size = sectionSize(module.name, thisModule) ?? 0;
  if (structure === undefined) return [];
  const reader = new KernelReader(snapshot.memory, snapshot.elf?.byteOrder ?? 'little');
  const words = Array.from({ length: Math.floor(size / 8) }, (_, index) => {
    return reader.tryU64(structure + BigInt(index * 8));
  });
  const pointers = new Set(words);
  const sections = [...module.sections.values()];
  return areas.filter((area) => {
    return pointers.has(area.address) && !sections.some(({ address }) => holds(area, address));
  });
}

function perCpuBlocks(
  snapshot: KernelSnapshot,
  sectionSize: (module: string, section: string) => number | undefined,
): ReadonlyMap<string, { readonly address: bigint; readonly size: number }> {
  const reader = new KernelReader(snapshot.memory, snapshot.elf?.byteOrder ?? 'little');
  const structures = snapshot.modules.flatMap(({ name, sections }) => {
    const address = sections.get(thisModule)?.address;
    return address === undefined ? [] : [{ name, address, size: sectionSize(name, '.data..percpu') ?? 0 }];
  });
  const found = inferPerCpu(reader, new Map(structures.map(({ address, size }) => [address, size])));
  const blocks = structures.flatMap(({ name, address, size }) => {
    if (found === undefined || size === 0) return [];
    return [[name, { address: reader.u64(address + BigInt(found.base), 'per-CPU block'), size }] as const];
  });
  return new Map(blocks);
}
