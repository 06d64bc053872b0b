import type { Architecture, Finding, Kernel, LivepatchSymbolName } from '@kelp/core';
import { SHT_RELA, type ObjectFile, type RelocationSpecification, type Section } from '@kelp/core/elf';
import type { SymbolList } from '../symbol-list.ts';

/** Ways in which a build marks relocations for livepatch. */
export type DialectName = '2019' | 'v7' | 'minimal' | 'objtool';

/** What a dialect reads. */
export interface DialectInput {
  readonly file: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  /** Symbols of the kernel and its modules; absent: positions are taken as they are written. */
  readonly symbols: SymbolList | undefined;
}

/** A relocation that livepatch is to apply. */
export interface ConvertedRecord {
  /** The object that decides when it is applied: `vmlinux` or a module. Untrusted. */
  readonly object: string;
  /** The section that is relocated. */
  readonly target: Section;
  readonly record: RelocationSpecification;
}

/** What is to be done with a file. All indices are those of the file. */
export interface ConversionPlan {
  /** In the order of the relocation sections, and in each as they stand there. */
  readonly records: readonly ConvertedRecord[];
  /** Records that leave their section, by index of the section. */
  readonly taken: ReadonlyMap<number, ReadonlySet<number>>;
  /** What symbols become, by index. */
  readonly symbols: ReadonlyMap<number, LivepatchSymbolName>;
  /** Sections that are of use to the conversion only. */
  readonly removed: ReadonlySet<number>;
  readonly findings: readonly Finding[];
}

/** One way of marking relocations. */
export interface Dialect {
  readonly name: DialectName;
  /** Without the symbols of kernel and modules it cannot tell what a symbol is. */
  readonly needsSymbols: boolean;
  plan(input: DialectInput): ConversionPlan;
  /** Name of a livepatch relocation section. */
  sectionName(object: string, target: string): string;
}

/** A plan under construction. */
export class PlanBuilder implements ConversionPlan {
  readonly records: ConvertedRecord[] = [];
  readonly taken = new Map<number, Set<number>>();
  readonly symbols = new Map<number, LivepatchSymbolName>();
  readonly removed = new Set<number>();
  readonly findings: Finding[] = [];

  /** A record leaves its section. */
  take(section: Section, index: number): void {
    const known = this.taken.get(section.index);
    if (known === undefined) this.taken.set(section.index, new Set([index]));
    else known.add(index);
  }

  /** Sections that the conversion uses up, and the relocations that fill them. */
  remove(file: ObjectFile, sections: readonly Section[]): void {
    const gone = new Set(sections.map(({ index }) => index));
    for (const index of gone) this.removed.add(index);
    for (const { index, type, info } of file.sections)
      if (type === SHT_RELA && gone.has(info)) this.removed.add(index);
  }

  error(code: `convert/${string}`, message: string, place?: Finding['place']): void {
    this.findings.push({ code, severity: 'error', message, ...(place === undefined ? {} : { place }) });
  }

  warn(code: `convert/${string}`, message: string, place?: Finding['place']): void {
    this.findings.push({ code, severity: 'warning', message, ...(place === undefined ? {} : { place }) });
  }
}

/** A record of an ordinary relocation section. */
export interface OrdinaryRecord {
  /** The relocation section. */
  readonly section: Section;
  /** Index of the record in it. */
  readonly index: number;
  readonly target: Section;
  readonly record: RelocationSpecification;
}

/**
 * All ordinary relocations, in file order: those that the module loader applies, and those of sections that are not
 * loaded, such as debugging information.
 *
 * @param without - relocation sections to pass over.
 * @throws KelpError `elf/relocation-table`.
 */
export function* ordinaryRecords(
  file: ObjectFile,
  without: ReadonlySet<number>,
): Generator<OrdinaryRecord, void, undefined> {
  for (const section of file.sections) {
    const target = file.sections[section.info];
    if (section.type !== SHT_RELA || section.isLivepatchRelocation || without.has(section.index)) continue;
    if (target === undefined || section.info === 0) continue;
    const records = file.relocations(section);
    for (let index = 0; index < (records?.count ?? 0); index++) {
      if (records === undefined) break;
      const record = {
        offset: records.offset(index),
        type: records.type(index),
        symbol: records.symbol(index),
        addend: records.addend(index),
      };
      yield { section, index, target, record };
    }
  }
}
