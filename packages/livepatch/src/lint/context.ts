import {
  hasOption,
  lateStore,
  relocationRule,
  vmlinuxObject,
  type Architecture,
  type Kernel,
  type LateStore,
  type LinkagePlan,
  type Machine,
  type RelocationRule,
} from '@kelp/core';
import { findModinfoValue, type ObjectFile, type Section, type SymbolTable } from '@kelp/core/elf';
import { layOutModule, type SectionPlacement } from '@kelp/loader';
import type { Livepatch } from '../livepatch.ts';
import type { LivepatchRelocations } from '../relocation-sections.ts';
import { KnownSymbols } from './known-symbols.ts';

/** What is linted, and what is known about where it is to run. */
export interface LintInput {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  /** Symbols by object, as `SymbolCollector` gives them. */
  readonly symbols?: ReadonlyMap<string, readonly string[]>;
  /** Files of modules by the name under which the kernel knows them. */
  readonly modules?: ReadonlyMap<string, ObjectFile>;
  /** Any module that was built for the kernel; absent: one of `modules`. */
  readonly reference?: ObjectFile;
}

/** One record of a livepatch relocation section. */
export interface LivepatchRecord {
  readonly relocations: LivepatchRelocations;
  /** In its section. */
  readonly index: number;
  readonly offset: number;
  readonly type: number;
  readonly typeName: string;
  /** What the loader of this kernel does with the type; undefined where it refuses it as unknown. */
  readonly rule: RelocationRule | undefined;
  /** Index into the symbol table. */
  readonly symbol: number;
  /** Untrusted. */
  readonly symbolName: string;
}

/** A machine of which nothing is known. */
export const unknownMachine: Machine = {
  pageSize: 4096,
  smp: true,
  feature: () => undefined,
  value: () => undefined,
};

/** Everything that rules look at. What is expensive is computed when it is first asked for. */
export class LintContext {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly livepatch: Livepatch;
  readonly symbols: KnownSymbols;
  readonly modules: ReadonlyMap<string, ObjectFile>;
  readonly reference: ObjectFile | undefined;
  readonly table: SymbolTable | undefined;
  readonly plan: LinkagePlan | undefined;
  readonly #placements: ReadonlyMap<number, SectionPlacement & { readonly init: boolean }>;

  constructor(input: LintInput, livepatch: Livepatch) {
    const { object, architecture, kernel } = input;
    this.object = object;
    this.architecture = architecture;
    this.kernel = kernel;
    this.livepatch = livepatch;
    this.modules = input.modules ?? new Map();
    this.reference = input.reference ?? this.modules.values().next().value;
    this.table = object.symbols();
    this.plan = architecture.linkage?.plan?.(object, kernel, unknownMachine);
    this.symbols = new KnownSymbols(
      input.symbols ?? new Map(),
      this.modules,
      this.plan?.withoutInit === true,
    );
    this.#placements = new Map(
      layOutModule(object, kernel, unknownMachine.pageSize, this.plan).flatMap(({ init, placements }) =>
        placements.map((placement) => [placement.section.index, { ...placement, init }] as const),
      ),
    );
  }

  /** A value of .modinfo. Untrusted. */
  modinfo(name: string): string | undefined {
    return findModinfoValue(this.object.section('.modinfo')?.bytes ?? new Uint8Array(), name);
  }

  /** How the memory of a section is protected once the module is formed; undefined where it gets none that stays. */
  protection({ index }: Section): SectionPlacement['protection'] | 'init' | undefined {
    const placement = this.#placements.get(index);
    return placement?.init === true ? 'init' : placement?.protection;
  }

  /** A plain store to the section faults when a relocation is written late. */
  isReadOnly(section: Section): boolean {
    const { configuration } = this.kernel;
    if (configuration !== undefined && !hasOption(this.kernel, 'STRICT_MODULE_RWX')) return false;
    const protection = this.protection(section);
    return protection === 'text' || protection === 'rodata' || protection === 'ro_after_init';
  }

  /** How the kernel stores a type late; undefined where it has no livepatch. */
  store(type: number): LateStore | undefined {
    const { livepatch } = this.architecture;
    return livepatch === undefined ? undefined : lateStore(livepatch, this.kernel, type);
  }

  /** Sections whose relocations wait for a module. */
  get lateSections(): readonly LivepatchRelocations[] {
    return this.livepatch.relocations.filter(
      ({ object }) => object !== undefined && object !== vmlinuxObject,
    );
  }

  /** Records of some sections, in order. */
  *records(sections: readonly LivepatchRelocations[]): Generator<LivepatchRecord, void, undefined> {
    for (const relocations of sections) {
      const { records } = relocations;
      for (let index = 0; index < records.count; index++) yield this.#record(relocations, index);
    }
  }

  #record(relocations: LivepatchRelocations, index: number): LivepatchRecord {
    const { records } = relocations;
    const [type, symbol] = [records.type(index), records.symbol(index)];
    const row = this.architecture.relocationType(type);
    return {
      relocations,
      index,
      offset: records.offset(index),
      type,
      typeName: row?.name ?? `unknown(${type})`,
      rule: row === undefined ? undefined : relocationRule(row, this.kernel),
      symbol,
      symbolName: this.symbolName(symbol),
    };
  }

  /** Empty for no symbol, and for an index beyond the table. Untrusted. */
  symbolName(index: number): string {
    if (this.table === undefined || index === 0 || index >= this.table.count) return '';
    return this.table.name(index);
  }
}
