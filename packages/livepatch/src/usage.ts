import {
  countFittingEntries,
  parseKernel,
  parseLivepatchSymbolName,
  relocationsOf,
  requireArchitecture,
  vmlinuxObject,
  type Architecture,
  type Hazard,
  type Kernel,
} from '@kelp/core';
import { findModinfoValue, type ObjectFile } from '@kelp/core/elf';
import { readLivepatch, type Livepatch } from './livepatch.ts';
import type { LivepatchRelocations } from './relocation-sections.ts';
import { Tally, type Uses } from './tally.ts';

/** Where livepatch relocations come from: they are applied at load for vmlinux, and late for a module. */
export type Scope = 'vmlinux' | 'module';

/** A function that livepatches replace. */
interface FunctionUse extends Uses {
  /** Untrusted. */
  readonly object: string;
  /** Untrusted. */
  readonly name: string;
}

/** An object that livepatches change; `count` is that of functions. */
interface ObjectUse extends Uses {
  /** Untrusted. */
  readonly object: string;
  readonly scope: Scope;
}

/** A type of livepatch relocations. */
interface TypeUse extends Uses {
  readonly scope: Scope;
  readonly type: number;
  /** `unknown(N)` where the architecture has no row. */
  readonly name: string;
}

/** A section that livepatch relocations change. */
interface TargetUse extends Uses {
  readonly scope: Scope;
  /** Untrusted. */
  readonly section: string;
  /** Hazard of late relocations in it; null for a section that no row knows as special. */
  readonly hazard: Hazard['level'] | null;
}

/** A symbol that livepatch relocations name. */
interface SymbolUse extends Uses {
  /** Untrusted. */
  readonly object: string;
  /** Untrusted. */
  readonly name: string;
}

/** A special section that livepatches carry; `count` is that of entries, 0 where they have no known size. */
interface SpecialUse extends Uses {
  /** Untrusted. */
  readonly section: string;
  readonly hazard: Hazard['level'];
}

/** What the livepatches of an architecture use. Lists: most livepatches first. */
export interface ArchitectureUsage {
  /** ID of the architecture. */
  readonly architecture: string;
  readonly livepatches: number;
  /** By first word of vermagic. Untrusted. */
  readonly kernels: readonly ({ readonly release: string } & Uses)[];
  /** Livepatches by what they replace functions in; `unknown` where no structures were found in the data. */
  readonly patching: Readonly<Record<'both' | 'modules' | 'unknown' | 'vmlinux', number>>;
  readonly objects: readonly ObjectUse[];
  readonly functions: readonly FunctionUse[];
  readonly relocationTypes: readonly TypeUse[];
  readonly relocatedSections: readonly TargetUse[];
  readonly symbols: readonly SymbolUse[];
  readonly specialSections: readonly SpecialUse[];
}

/** Version of the JSON. */
export const usageSchema = 1;

/** What many livepatches use. */
export class UsageBuilder {
  readonly #architectures: readonly Architecture[];
  readonly #counts = new Map<string, ArchitectureCounts>();

  constructor(architectures: readonly Architecture[]) {
    this.#architectures = architectures;
  }

  /**
   * Count one file; its bytes are not needed afterwards.
   *
   * @returns false for a module that is no livepatch, which is not counted.
   * @throws KelpError `architecture/unsupported`, or `elf/...` for damaged tables; then nothing is counted.
   */
  add(file: ObjectFile): boolean {
    const architecture = requireArchitecture(file, this.#architectures);
    const livepatch = readLivepatch(file);
    if (livepatch === undefined) return false;
    const special = specialSections(file, architecture, kernelOf(file));
    const known = this.#counts.get(architecture.id) ?? new ArchitectureCounts(architecture);
    this.#counts.set(architecture.id, known);
    known.add(file, livepatch, special);
    return true;
  }

  /** In the order of the architectures that the builder was given. */
  usage(): readonly ArchitectureUsage[] {
    return this.#architectures.flatMap(({ id }) => this.#counts.get(id)?.usage() ?? []);
  }
}

class ArchitectureCounts {
  readonly #architecture: Architecture;
  #livepatches = 0;
  readonly #patching = { vmlinux: 0, modules: 0, both: 0, unknown: 0 };
  readonly #kernels = new Tally<{ readonly release: string }>();
  readonly #objects = new Tally<Omit<ObjectUse, keyof Uses>>();
  readonly #functions = new Tally<Omit<FunctionUse, keyof Uses>>();
  readonly #types = new Tally<Omit<TypeUse, keyof Uses>>();
  readonly #targets = new Tally<Omit<TargetUse, keyof Uses>>();
  readonly #symbols = new Tally<Omit<SymbolUse, keyof Uses>>();
  readonly #special = new Tally<Omit<SpecialUse, keyof Uses>>();

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  add(file: ObjectFile, livepatch: Livepatch, special: readonly CarriedSection[]): void {
    const number = ++this.#livepatches;
    const release = releaseOf(file) ?? 'unknown';
    const kernel = kernelOf(file);
    this.#kernels.add(number, [release], { release });
    this.#patching[patchingOf(livepatch)]++;
    for (const { name: object, isModule, functions } of livepatch.objects) {
      const scope = isModule ? 'module' : 'vmlinux';
      this.#objects.add(number, [object, scope], { object, scope }, functions.length);
      for (const { oldName } of functions) {
        const name = oldName ?? '';
        this.#functions.add(number, [object, name], { object, name });
      }
    }
    for (const relocations of livepatch.relocations)
      this.#addRelocations(number, relocations, symbolOf(file), kernel);
    for (const { section, hazard, entries } of special)
      this.#special.add(number, [section], { section, hazard }, entries);
  }

  #addRelocations(
    number: number,
    { object, target, records }: LivepatchRelocations,
    nameOf: (symbol: number) => string,
    kernel: Kernel | undefined,
  ): void {
    const scope = object === vmlinuxObject ? 'vmlinux' : 'module';
    const section = target?.name ?? '';
    const hazard = this.#architecture.specialSection(section, kernel)?.hazard.level ?? null;
    if (records.count > 0)
      this.#targets.add(number, [scope, section], { scope, section, hazard }, records.count);
    for (let index = 0; index < records.count; index++) {
      const type = records.type(index);
      const name = this.#architecture.relocationType(type)?.name ?? `unknown(${type})`;
      this.#types.add(number, [scope, type], { scope, type, name });
      const symbol = parseLivepatchSymbolName(nameOf(records.symbol(index)));
      if (symbol !== undefined)
        this.#symbols.add(number, [symbol.object, symbol.name], { object: symbol.object, name: symbol.name });
    }
  }

  usage(): ArchitectureUsage {
    return {
      architecture: this.#architecture.id,
      livepatches: this.#livepatches,
      kernels: this.#kernels.rows(),
      patching: { ...this.#patching },
      objects: this.#objects.rows(),
      functions: this.#functions.rows(),
      relocationTypes: this.#types.rows(),
      relocatedSections: this.#targets.rows(),
      symbols: this.#symbols.rows(),
      specialSections: this.#special.rows(),
    };
  }
}

function patchingOf({ objects }: Livepatch): keyof ArchitectureUsage['patching'] {
  const modules = objects.some(({ isModule }) => isModule);
  const vmlinux = objects.some(({ isModule }) => !isModule);
  if (modules && vmlinux) return 'both';
  if (modules) return 'modules';
  return vmlinux ? 'vmlinux' : 'unknown';
}

function symbolOf(file: ObjectFile): (symbol: number) => string {
  const symbols = file.symbols();
  return (symbol) =>
    symbols === undefined || symbol === 0 || symbol >= symbols.count ? '' : symbols.name(symbol);
}

function releaseOf(file: ObjectFile): string | undefined {
  const section = file.section('.modinfo');
  const vermagic = section === undefined ? undefined : findModinfoValue(section.bytes, 'vermagic');
  return vermagic?.split(' ', 1)[0];
}

/** Undefined where vermagic is missing or starts with no release: then the rows of any kernel count. */
function kernelOf(file: ObjectFile): Kernel | undefined {
  const release = releaseOf(file) ?? '';
  return /^\d{1,4}\.\d{1,4}(?!\d)/u.test(release) ? parseKernel(release) : undefined;
}

interface CarriedSection {
  readonly section: string;
  readonly hazard: Hazard['level'];
  readonly entries: number;
}

/** Special sections that a kernel reads, but for livepatch's own. */
function specialSections(
  file: ObjectFile,
  architecture: Architecture,
  kernel: Kernel | undefined,
): readonly CarriedSection[] {
  return file.sections.flatMap((section): readonly CarriedSection[] => {
    const row = section.index === 0 ? undefined : architecture.specialSection(section.name, kernel);
    if (row === undefined || section.isLivepatchRelocation) return [];
    const count = relocationsOf(file, section)?.count ?? 0;
    const entries = countFittingEntries(row, kernel, section.size, count) ?? 0;
    return [{ section: section.name, hazard: row.hazard.level, entries }];
  });
}
