import type { ArchitectureCensus } from '../../kernels/src/census-json.ts';
import { entrySize, hasEntrySize } from './entry-sizes.ts';
import type { ReadelfOutput } from './readelf-output.ts';

/** What readelf and the scan must agree on, for one module or the sum of several. */
export interface Facts {
  readonly modules: number;
  /** By section name: files that contain it and the sum of its sizes in bytes. */
  readonly sections: ReadonlyMap<string, { readonly modules: number; readonly bytes: number }>;
  /** By name of a section with entries of a known size, their number. */
  readonly entries: ReadonlyMap<string, number>;
  /** By name of the section that is relocated, then by type number. */
  readonly relocations: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** By type number: files that contain it. */
  readonly typeModules: ReadonlyMap<number, number>;
}

/** One number that differs. */
export interface Difference {
  /** What was counted: `section .text, bytes`. */
  readonly what: string;
  readonly readelf: number;
  readonly scan: number;
}

const SHF_ALLOC = 0x2n;
/** include/uapi/linux/elf.h: relocations that livepatch applies itself, whatever they target. */
const SHF_RELA_LIVEPATCH = 0x0010_0000n;

/** Facts about nothing. */
export const NO_FACTS: Facts = {
  modules: 0,
  sections: new Map(),
  entries: new Map(),
  relocations: new Map(),
  typeModules: new Map(),
};

/** Facts about one module: relocations count where their target section is in memory or livepatch applies them. */
export function moduleFacts({ machine = '', sections, relocations }: ReadelfOutput, release = ''): Facts {
  const sizes = new Map<string, { modules: number; bytes: number }>();
  for (const { index, name, size } of sections) {
    if (index > 0) sizes.set(name, { modules: 1, bytes: (sizes.get(name)?.bytes ?? 0) + size });
  }
  const entries = new Map<string, number>();
  for (const [name, { bytes }] of sizes) {
    const size = entrySize(machine, release, name);
    if (size !== undefined) entries.set(name, bytes / size);
  }
  const counts = new Map<string, Map<number, number>>();
  for (const { name, offset, types } of relocations) {
    const header = sections.find((item) => item.name === name && item.offset === offset && item.size > 0);
    const target = sections.find(({ index }) => index === header?.info);
    if (header === undefined || target === undefined) {
      throw new Error(`relocations of ${name} at 0x${offset.toString(16)} without section header or target`);
    }
    const counted = (target.flags & SHF_ALLOC) !== 0n || (header.flags & SHF_RELA_LIVEPATCH) !== 0n;
    if (!counted || header.type !== 'RELA') continue;
    const byType = counts.get(target.name) ?? new Map<number, number>();
    for (const [type, count] of types) byType.set(type, (byType.get(type) ?? 0) + count);
    counts.set(target.name, byType);
  }
  const types = new Set([...counts.values()].flatMap((byType) => Array.from(byType.keys())));
  const typeModules = new Map([...types].map((type) => [type, 1]));
  return { modules: 1, sections: sizes, entries, relocations: counts, typeModules };
}

/** The sum over several modules. */
export function addFacts(all: readonly Facts[]): Facts {
  const sections = new Map<string, { modules: number; bytes: number }>();
  const entries = new Map<string, number>();
  const relocations = new Map<string, Map<number, number>>();
  const typeModules = new Map<number, number>();
  for (const facts of all) {
    for (const [name, count] of facts.entries) entries.set(name, (entries.get(name) ?? 0) + count);
    for (const [name, { modules, bytes }] of facts.sections) {
      const sum = sections.get(name) ?? { modules: 0, bytes: 0 };
      sections.set(name, { modules: sum.modules + modules, bytes: sum.bytes + bytes });
    }
    for (const [section, byType] of facts.relocations) {
      const sum = relocations.get(section) ?? new Map<number, number>();
      for (const [type, count] of byType) sum.set(type, (sum.get(type) ?? 0) + count);
      relocations.set(section, sum);
    }
    for (const [type, modules] of facts.typeModules) {
      typeModules.set(type, (typeModules.get(type) ?? 0) + modules);
    }
  }
  return {
    modules: all.reduce((sum, { modules }) => sum + modules, 0),
    sections,
    entries,
    relocations,
    typeModules,
  };
}

/** The same facts as a scan states them. */
export function censusFacts(census: ArchitectureCensus): Facts {
  const relocations = new Map<string, Map<number, number>>();
  for (const { section, type, count } of census.relocationsBySection) {
    const byType = relocations.get(section) ?? new Map<number, number>();
    byType.set(type, (byType.get(type) ?? 0) + count);
    relocations.set(section, byType);
  }
  return {
    modules: census.modules,
    sections: new Map(census.sections.map(({ name, modules, bytes }) => [name, { modules, bytes }])),
    entries: new Map(
      census.sections.flatMap(({ name, entries }) =>
        entries !== undefined && hasEntrySize(name) ? [[name, entries] as const] : [],
      ),
    ),
    relocations,
    typeModules: new Map(census.relocations.map(({ type, modules }) => [type, modules])),
  };
}

/** Every number that differs, sections that only one side has included. */
export function compareFacts(readelf: Facts, scan: Facts): readonly Difference[] {
  const left = countsByName(readelf);
  const right = countsByName(scan);
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((what) => ({ what, readelf: left.get(what) ?? 0, scan: right.get(what) ?? 0 }))
    .filter((difference) => difference.readelf !== difference.scan);
}

/** Number of relocations that the facts count. */
export function relocationTotal({ relocations }: Facts): number {
  const counts = [...relocations.values()].flatMap((byType) => Array.from(byType.values()));
  return counts.reduce((sum, count) => sum + count, 0);
}

function countsByName(facts: Facts): ReadonlyMap<string, number> {
  const counts = new Map([['modules', facts.modules]]);
  for (const [name, { modules, bytes }] of facts.sections) {
    counts.set(`section ${name}, modules`, modules);
    counts.set(`section ${name}, bytes`, bytes);
  }
  for (const [section, count] of facts.entries) counts.set(`entries of ${section}`, count);
  for (const [section, byType] of facts.relocations) {
    for (const [type, count] of byType) counts.set(`relocations of type ${type} in ${section}`, count);
  }
  for (const [type, modules] of facts.typeModules) counts.set(`modules with type ${type}`, modules);
  return counts;
}
