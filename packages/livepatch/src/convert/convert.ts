import {
  KelpError,
  livepatchSymbolName,
  type Architecture,
  type Finding,
  type Kernel,
  type LivepatchSymbolName,
} from '@kelp/core';
import {
  parseObjectFile,
  rewriteObjectFile,
  SHF_ALLOC,
  SHF_INFO_LINK,
  SHF_RELA_LIVEPATCH,
  SHN_LIVEPATCH,
  SHT_RELA,
  type ObjectChanges,
  type ObjectFile,
  type RelocationSpecification,
  type Section,
  type SectionSpecification,
  type SymbolChange,
} from '@kelp/core/elf';
import { livepatchRelocations } from '../relocation-sections.ts';
import type { SymbolList } from '../symbol-list.ts';
import { checkPlan } from './check-plan.ts';
import type { ConversionPlan, ConvertedRecord, Dialect, DialectName } from './conversion-plan.ts';
import { chooseDialect } from './dialects.ts';

/** What to convert, and by what. */
export interface ConversionInput {
  /** A relocatable file. */
  readonly bytes: Uint8Array;
  /** What errors call it. */
  readonly file?: string;
  readonly architecture: Architecture;
  /** The kernel that is to load it. */
  readonly kernel: Kernel;
  /** Symbols of the kernel and its modules. The list dialects need them, the others check positions by them. */
  readonly symbols?: SymbolList;
  /** Absent: found out by what is in the file. */
  readonly dialect?: DialectName;
}

/** A livepatch relocation section that conversion has made or added to. */
export interface ConvertedSection {
  /** Untrusted. */
  readonly name: string;
  /** The object whose presence decides when it is applied. Untrusted. */
  readonly object: string;
  /** The section that it changes. Untrusted. */
  readonly target: string;
  /** Relocations that conversion has put into it. */
  readonly count: number;
}

/** What came of a conversion. */
export interface Conversion {
  /** Undefined where nothing is left to convert. */
  readonly dialect: DialectName | undefined;
  /** The converted file; undefined where a finding is an error. */
  readonly bytes: Uint8Array | undefined;
  readonly sections: readonly ConvertedSection[];
  /** Symbols that livepatch resolves now. Untrusted. */
  readonly symbols: readonly LivepatchSymbolName[];
  readonly findings: readonly Finding[];
}

/**
 * Turn ordinary relocations into livepatch relocations. What the file has beside them is kept, symbol indices
 * included; sections and symbols that served the conversion only are gone or empty afterwards. A file that is
 * converted already comes back as it is.
 *
 * @throws KelpError `elf/...` for damaged bytes, `convert/...` for a file of which nothing can be said.
 */
export function convertRelocations(input: ConversionInput): Conversion {
  const { bytes, architecture, kernel, symbols } = input;
  const file = parseObjectFile(bytes, input.file);
  const dialect = chooseDialect(file, input.dialect, symbols !== undefined);
  if (dialect === undefined)
    return { dialect: undefined, bytes: Uint8Array.from(bytes), sections: [], symbols: [], findings: [] };
  const plan = dialect.plan({ file, architecture, kernel, symbols });
  const findings = [...plan.findings, ...checkPlan(plan, { file, architecture, kernel, dialect })];
  const groups = groupRecords(file, plan, dialect);
  const isSound = findings.every(({ severity }) => severity !== 'error');
  return {
    dialect: dialect.name,
    bytes: isSound ? rewriteObjectFile(bytes, changesOf(file, plan, groups), input.file) : undefined,
    sections: groups.map(({ name, object, target, records }) => ({
      name,
      object,
      target: target.name,
      count: records.length,
    })),
    symbols: [...plan.symbols.values()],
    findings,
  };
}

/** The records that go to one livepatch relocation section. */
interface RecordGroup {
  readonly name: string;
  readonly object: string;
  readonly target: Section;
  readonly records: RelocationSpecification[];
  /** The section, where the file has it already. */
  readonly section: Section | undefined;
}

function groupRecords(
  file: ObjectFile,
  { records }: ConversionPlan,
  dialect: Dialect,
): readonly RecordGroup[] {
  const groups = new Map<string, RecordGroup>();
  const known = livepatchRelocations(file);
  const make = ({ object, target }: ConvertedRecord): RecordGroup => {
    const name = dialect.sectionName(object, target.name);
    const there = known.find((one) => one.target === target && one.section.name === name);
    return { name, object, target, records: [], section: there?.section };
  };
  for (const one of records) {
    const key = `${one.target.index} ${one.object}`;
    const group = groups.get(key) ?? make(one);
    groups.set(key, group);
    group.records.push(one.record);
  }
  return [...groups.values()];
}

function changesOf(file: ObjectFile, plan: ConversionPlan, groups: readonly RecordGroup[]): ObjectChanges {
  const relocations = new Map<number, readonly RelocationSpecification[]>();
  for (const [index, taken] of plan.taken)
    relocations.set(
      index,
      recordsOf(file, index).filter((_, position) => !taken.has(position)),
    );
  for (const { section, records } of groups)
    if (section !== undefined)
      relocations.set(section.index, [...recordsOf(file, section.index), ...records]);
  const added = groups.filter(({ section }) => section === undefined).map(sectionOf);
  return { relocations, symbols: symbolChanges(file, plan), removed: plan.removed, added };
}

function recordsOf(file: ObjectFile, index: number): readonly RelocationSpecification[] {
  const section = file.sections[index];
  const records = section === undefined ? undefined : file.relocations(section);
  if (records === undefined)
    throw new KelpError('elf/relocation-table', `section ${index} has no records`, { file: file.file });
  return Array.from({ length: records.count }, (_, position) => ({
    offset: records.offset(position),
    type: records.type(position),
    symbol: records.symbol(position),
    addend: records.addend(position),
  }));
}

function sectionOf({ name, target, records }: RecordGroup): SectionSpecification {
  const flags = SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH;
  return { name, type: SHT_RELA, flags, info: target.index, relocations: records };
}

/** Only what differs: a file that is converted already gets no new names. */
function symbolChanges(file: ObjectFile, plan: ConversionPlan): ReadonlyMap<number, SymbolChange> {
  const table = file.symbols();
  const changes = new Map<number, SymbolChange>();
  for (const [index, symbol] of plan.symbols) {
    const name = livepatchSymbolName(symbol);
    const isNamed = table?.name(index) === name;
    if (isNamed && table.rawSectionIndex(index) === SHN_LIVEPATCH) continue;
    changes.set(index, { reserved: SHN_LIVEPATCH, ...(isNamed ? {} : { name }) });
  }
  return changes;
}
