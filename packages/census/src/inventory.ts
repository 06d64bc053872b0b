import {
  countFittingEntries,
  requireArchitecture,
  selectArchitecture,
  type Architecture,
  type Kernel,
  type SpecialSection,
} from '@kelp/core';
import {
  ET_REL,
  findModinfoValue,
  readIdentity,
  SHT_NULL,
  SHT_RELA,
  type ObjectFile,
  type RelocationTable,
  type Section,
} from '@kelp/core/elf';
import { functionInventory, type FunctionInventory } from './function-inventory.ts';
import { FunctionUse, type EntrySection } from './function-use.ts';
import { readableKernel } from './readable-kernel.ts';
import { isOrdinaryName, looksSpecial } from './section-detector.ts';
import { ObjectSymbols } from './object-symbols.ts';
import { fittingLayout } from './section-layout.ts';
import { sectionShape, type SectionShape } from './section-shape.ts';

/** One section header of a file. */
export interface SectionUse {
  /** Untrusted. */
  readonly name: string;
  /** sh_size. */
  readonly bytes: number;
  /** Entries of a table with entries of a fixed size; null where the size of an entry is not known. */
  readonly entries: number | null;
  /** A row or the detector says that the section is special. */
  readonly special: boolean;
  /** A row of the architecture knows the section in this kernel. */
  readonly known: boolean;
}

/** How often one relocation type occurs against one section. */
export interface RelocationUse {
  /** Name of the section that is relocated. Untrusted. */
  readonly section: string;
  /** ELF64_R_TYPE. */
  readonly type: number;
  readonly count: number;
}

/** What one file uses. */
export interface ModuleInventory {
  readonly architecture: Architecture;
  /** First word of vermagic, or the version of a kernel image; `unknown` where the file does not tell. Untrusted. */
  readonly release: string;
  /** A linked kernel image, not a module. */
  readonly image: boolean;
  /** All sections but the null section, in header order. */
  readonly sections: readonly SectionUse[];
  readonly relocations: readonly RelocationUse[];
  /** Absent for kernel images, whose entries have no relocations any more, and for modules without symbols. */
  readonly functions?: FunctionInventory;
  /** Allocated sections that compilers do not make. Absent for kernel images. */
  readonly shapes?: readonly SectionShape[];
}

/** The functions of one file. */
interface FunctionUseOf extends Pick<ModuleInventory, 'architecture' | 'image' | 'release'> {
  /** Undefined for a file without symbols. */
  readonly use: FunctionUse | undefined;
}

/** Rows of an architecture by section name, for one kernel; looked up once per name. */
interface NameKnowledge {
  readonly row: SpecialSection | undefined;
  readonly ordinary: boolean;
}

/** Takes inventory of many files; remembers what the tables say about each name in each kernel. */
export class Inventory {
  readonly #architectures: readonly Architecture[];
  readonly #kernels = new Map<string, Kernel | undefined>();
  readonly #knowledge = new Map<Architecture, Map<Kernel | undefined, Map<string, NameKnowledge>>>();
  readonly #histogram = new Uint32Array(2048);

  constructor(architectures: readonly Architecture[]) {
    this.#architectures = architectures;
  }

  /** ID of the architecture that a damaged file's header names; undefined where the header cannot be read. */
  machineOf(bytes: Uint8Array): string | undefined {
    const header = readIdentity(bytes);
    return header === undefined ? undefined : selectArchitecture(header, this.#architectures)?.id;
  }

  /** @throws KelpError for files that are damaged or of no known architecture. */
  take(object: ObjectFile): ModuleInventory {
    const architecture = requireArchitecture(object, this.#architectures);
    const image = object.type !== ET_REL;
    const release = image ? imageRelease(object) : moduleRelease(object);
    const knowledge = this.#knowledgeOf(architecture, this.#kernelOf(release));
    const kernel = this.#kernelOf(release);
    const tables = relocationTables(object);
    const sections: SectionUse[] = [];
    const withEntries: EntrySection[] = [];
    const shapes: SectionShape[] = [];
    const symbols = image ? undefined : symbolsOf(object);
    for (const section of object.sections) {
      if (section.type === SHT_NULL && section.index === 0) continue;
      const known = nameKnowledge(knowledge, architecture, kernel, section.name);
      sections.push(
        useOf(object, section, known, kernel, image ? undefined : (tables.get(section.index) ?? null)),
      );
      const relocations = tables.get(section.index);
      if (image || !section.isAllocated) continue;
      const layout =
        known.row === undefined
          ? undefined
          : fittingLayout(known.row, kernel, section.size, relocations?.count ?? 0);
      if (layout !== undefined && relocations !== undefined)
        withEntries.push({ section, layout, relocations });
      if (!known.ordinary) shapes.push(sectionShape(object, section, relocations, symbols, layout));
    }
    const counts = { architecture, release, image, sections, relocations: this.#countRelocations(object) };
    if (image) return counts;
    if (symbols === undefined) return { ...counts, shapes };
    const use = new FunctionUse(object, symbols, withEntries);
    return { ...counts, functions: functionInventory(object.file ?? '', use), shapes };
  }

  /**
   * Which functions of a module its special sections name; without entries for a kernel image.
   *
   * @throws KelpError as {@link take}.
   */
  functionUse(object: ObjectFile): FunctionUseOf {
    const architecture = requireArchitecture(object, this.#architectures);
    const image = object.type !== ET_REL;
    const release = image ? imageRelease(object) : moduleRelease(object);
    const symbols = symbolsOf(object);
    if (symbols === undefined) return { architecture, release, image, use: undefined };
    const kernel = this.#kernelOf(release);
    const tables = relocationTables(object);
    const withEntries = object.sections.flatMap((section): readonly EntrySection[] => {
      const relocations = tables.get(section.index);
      const row = architecture.specialSection(section.name, kernel);
      if (image || relocations === undefined || row === undefined || !section.isAllocated) return [];
      const layout = fittingLayout(row, kernel, section.size, relocations.count);
      return layout === undefined ? [] : [{ section, layout, relocations }];
    });
    return { architecture, release, image, use: new FunctionUse(object, symbols, withEntries) };
  }

  #kernelOf(release: string): Kernel | undefined {
    if (!this.#kernels.has(release)) this.#kernels.set(release, readableKernel(release));
    return this.#kernels.get(release);
  }

  #knowledgeOf(architecture: Architecture, kernel: Kernel | undefined): Map<string, NameKnowledge> {
    let kernels = this.#knowledge.get(architecture);
    if (kernels === undefined) this.#knowledge.set(architecture, (kernels = new Map()));
    let names = kernels.get(kernel);
    if (names === undefined) kernels.set(kernel, (names = new Map()));
    return names;
  }

  #countRelocations(object: ObjectFile): readonly RelocationUse[] {
    const uses: RelocationUse[] = [];
    for (const section of object.sections) {
      const relocations = object.relocations(section);
      if (relocations === undefined) continue;
      const target = object.sections[relocations.target];
      if (!section.isLivepatchRelocation && target?.isAllocated !== true) continue;
      this.#countTypes(relocations, target?.name ?? '', uses);
    }
    return uses;
  }

  #countTypes(relocations: RelocationTable, section: string, uses: RelocationUse[]): void {
    const histogram = this.#histogram;
    const rare = new Map<number, number>();
    const seen: number[] = [];
    for (let index = 0; index < relocations.count; index++) {
      const type = relocations.type(index);
      if (type >= histogram.length) {
        rare.set(type, (rare.get(type) ?? 0) + 1);
        continue;
      }
      const before = histogram[type] ?? 0;
      if (before === 0) seen.push(type);
      histogram[type] = before + 1;
    }
    for (const type of seen) {
      uses.push({ section, type, count: histogram[type] ?? 0 });
      histogram[type] = 0;
    }
    for (const [type, count] of rare) uses.push({ section, type, count });
  }
}

function nameKnowledge(
  names: Map<string, NameKnowledge>,
  architecture: Architecture,
  kernel: Kernel | undefined,
  name: string,
): NameKnowledge {
  let known = names.get(name);
  if (known === undefined) {
    known = { row: architecture.specialSection(name, kernel), ordinary: isOrdinaryName(name) };
    names.set(name, known);
  }
  return known;
}

/** @param relocations - null: the section has none; undefined: the file is linked, its relocations are gone. */
function useOf(
  object: ObjectFile,
  section: Section,
  { row, ordinary }: NameKnowledge,
  kernel: Kernel | undefined,
  relocations: RelocationTable | null | undefined,
): SectionUse {
  const { name, size: bytes } = section;
  if (row === undefined) {
    const special =
      !ordinary && section.isAllocated && looksSpecial(object, section, relocations ?? undefined);
    return { name, bytes, entries: null, special, known: false };
  }
  const count = relocations === undefined ? undefined : (relocations?.count ?? 0);
  return {
    name,
    bytes,
    entries: countFittingEntries(row, kernel, bytes, count) ?? null,
    special: true,
    known: true,
  };
}

function symbolsOf(object: ObjectFile): ObjectSymbols | undefined {
  const table = object.symbols();
  return table === undefined ? undefined : new ObjectSymbols(object, table);
}

/** The ordinary relocation section of each section, by target index. */
function relocationTables(object: ObjectFile): ReadonlyMap<number, RelocationTable> {
  const tables = new Map<number, RelocationTable>();
  for (const section of object.sections) {
    if (section.type !== SHT_RELA || section.isLivepatchRelocation) continue;
    const table = object.relocations(section);
    if (table !== undefined) tables.set(table.target, table);
  }
  return tables;
}

const unknownRelease = 'unknown';

function moduleRelease(object: ObjectFile): string {
  const modinfo = object.section('.modinfo');
  const vermagic = modinfo === undefined ? undefined : findModinfoValue(modinfo.bytes, 'vermagic');
  return vermagic?.split(' ', 1)[0] || unknownRelease;
}

const banner = new TextEncoder().encode('Linux version ');

/** The release in linux_banner, which every kernel image holds. */
function imageRelease(object: ObjectFile): string {
  for (const section of object.sections) {
    if (!section.isAllocated || !section.occupiesFile) continue;
    const text = Buffer.from(section.bytes.buffer, section.bytes.byteOffset, section.bytes.byteLength);
    for (let at = text.indexOf(banner); at !== -1; at = text.indexOf(banner, at + 1)) {
      const match = /^(\d+\.\d+\S*) /u.exec(
        text.toString('latin1', at + banner.length, at + banner.length + 80),
      );
      if (match?.[1] !== undefined) return match[1];
    }
  }
  return unknownRelease;
}
