import {
  applyRelocation,
  isInRange,
  parseLivepatchSectionName,
  readContainer,
  relocationRule,
  type AppliedRule,
  type Architecture,
  type Letters,
  type LinkedRelocation,
  type Linker,
  type LinkResult,
  type RefusalCause,
  type RelocationInput,
  type RelocationOutcome,
  type RelocationRule,
  type RelocationSymbol,
  type Step,
} from '@kelp/core';
import { SHT_RELA, type RelocationTable, type Section, type SymbolTable } from '@kelp/core/elf';
import type { LoadedImage } from './image.ts';
import { resolveLivepatchSymbols, type LivepatchSymbols } from './livepatch-symbols.ts';
import type { LoadRefusal } from './load.ts';

/** What relocating needs beside the image. */
export interface RelocationContext {
  readonly image: LoadedImage;
  readonly architecture: Architecture;
  readonly linker: Linker | undefined;
  /** Values of symbols, by index. */
  readonly values: BigUint64Array;
  /** Order of the records by index of their section. */
  readonly order: ReadonlyMap<number, Uint32Array> | undefined;
  /** What the relocations against vmlinux are resolved with; undefined in a kernel without livepatch. */
  readonly livepatchSymbols: LivepatchSymbols | undefined;
  /** Objects whose livepatch relocations are applied with all others: vmlinux, and what `earlyObjects` of the load adds. */
  readonly earlyObjects: ReadonlySet<string>;
  /** The undefined symbols of the module that a relocation has named so far, by index: each is named many times. */
  readonly external: Map<number, RelocationSymbol>;
}

/** Bytes from the place on that one relocation may change: a field, or an instruction and the next one. */
export const reach = 8;

/**
 * apply_relocations(): sections in header order, records in the order of the linkage. Of the sections that livepatch
 * applies those of vmlinux have their turn, the others are applied when their object is there.
 *
 * @returns what the kernel refuses the module with; what was written before stays written.
 */
export function relocate(context: RelocationContext): LoadRefusal | undefined {
  for (const section of context.image.object.sections) {
    const refusal = section.isLivepatchRelocation
      ? relocateForLivepatch(context, section)
      : relocateOrdinary(context, section);
    if (refusal !== undefined) return { phase: 'relocate', ...refusal };
  }
  return undefined;
}

/** Why a section cannot be relocated, and where. */
export type SectionRefusal = Omit<LoadRefusal, 'phase'>;

function relocateOrdinary(context: RelocationContext, section: Section): SectionRefusal | undefined {
  const relocated = relocatedSection(context, section, 'relocation');
  return relocated === undefined ? undefined : relocateSection(context, relocated);
}

/** klp_apply_section_relocs() without an object; other objects have their turn here in no kernel. */
function relocateForLivepatch(context: RelocationContext, section: Section): SectionRefusal | undefined {
  const { image, livepatchSymbols, earlyObjects } = context;
  if (livepatchSymbols === undefined || image.placedSection(section.info) === undefined) return undefined;
  const name = parseLivepatchSectionName(section.name);
  if (name === undefined)
    return {
      errno: 'EINVAL',
      reason: 'the name of the section is incorrectly formatted',
      message: `section ${section.name} has an incorrectly formatted name`,
      section: section.name,
    };
  const relocated = relocatedSection(context, section, 'livepatch-relocation');
  if (relocated === undefined || !earlyObjects.has(name.object)) return undefined;
  return (
    resolveSection(context, relocated, name.object, livepatchSymbols) ?? relocateSection(context, relocated)
  );
}

/** One section of relocations, and what all of its records share. */
export interface RelocatedSection {
  /** Of the relocations. */
  readonly section: Section;
  readonly records: RelocationTable;
  readonly symbols: SymbolTable | undefined;
  /** Where the section stands that they change. */
  readonly address: bigint;
  /** For the log. */
  readonly cause: string;
  readonly order: Uint32Array | undefined;
}

/** Undefined for a section without records, or whose target has no memory. */
export function relocatedSection(
  { image, order }: RelocationContext,
  section: Section,
  cause: string,
): RelocatedSection | undefined {
  if (section.type !== SHT_RELA) return undefined;
  const target = image.placedSection(section.info);
  const records = target === undefined ? undefined : image.object.relocations(section);
  if (target === undefined || records === undefined) return undefined;
  return {
    section,
    records,
    symbols: image.object.symbols(),
    address: target.address,
    cause,
    order: order?.get(section.index),
  };
}

/** klp_resolve_symbols(). */
export function resolveSection(
  { image, values }: RelocationContext,
  { records, order, symbols, section }: RelocatedSection,
  object: string,
  lookUp: LivepatchSymbols,
): SectionRefusal | undefined {
  const failed = resolveLivepatchSymbols(records, order, symbols, object, image.kernel, lookUp, values);
  if (failed === undefined) return undefined;
  const { record, ...refusal } = failed;
  return {
    ...refusal,
    section: image.object.sections[section.info]?.name ?? '',
    offset: records.offset(record),
  };
}

/** One record on its way into memory. */
export interface StoredRecord {
  /** In its section. */
  readonly index: number;
  readonly relocation: LinkedRelocation;
  readonly rule: RelocationRule;
}

/** How records are stored into a module that has been formed. */
export interface Store {
  /** Let the linker build what a record needs, and maybe write its place. */
  letters(linker: Linker, record: StoredRecord): LinkResult;
  /** Store the field; bytes and offset of the input are those of the memory. */
  field(record: StoredRecord, input: RelocationInput): RelocationOutcome;
}

/** Apply all records of a section, up to the first that is refused. */
export function relocateSection(
  context: RelocationContext,
  relocated: RelocatedSection,
  store?: Store,
): SectionRefusal | undefined {
  const { records, section, order } = relocated;
  const rules = new Map<number, RelocationRule | undefined>();
  for (let position = 0; position < records.count; position++) {
    const index = order?.[position] ?? position;
    const number = records.type(index);
    if (!rules.has(number)) {
      const type = context.architecture.relocationType(number);
      rules.set(number, type === undefined ? undefined : relocationRule(type, context.image.kernel));
    }
    const refusal = relocateOne(context, relocated, rules.get(number), index, store);
    if (refusal !== undefined) {
      const target = context.image.object.sections[section.info];
      const symbol = records.symbol(index);
      return {
        section: target?.name ?? '',
        offset: records.offset(index),
        record: { section: section.index, index },
        ...(symbol === 0 ? {} : { symbol: relocated.symbols?.name(symbol) ?? '' }),
        ...refusal,
      };
    }
  }
  return undefined;
}

type Refused = Pick<LoadRefusal, 'cause' | 'errno' | 'reason' | 'sum' | 'type' | 'value'>;

function relocateOne(
  context: RelocationContext,
  relocated: RelocatedSection,
  rule: RelocationRule | undefined,
  index: number,
  store: Store | undefined,
): Refused | undefined {
  const { image, architecture, linker } = context;
  const { records, cause } = relocated;
  const type = records.type(index);
  if (rule === undefined)
    return { errno: 'ENOEXEC', reason: `relocation type ${type} is not accepted`, cause: 'type', type };
  if (rule.verdict === 'ignored') return undefined;
  if (rule.verdict === 'refused')
    return { errno: rule.errno, reason: `relocation type ${type} is refused`, cause: 'type', type };
  const relocation = linkedRelocation(context, relocated, index);
  const { S, A, P } = relocation;
  const record: StoredRecord = { index, relocation, rule };
  const linked =
    linker === undefined ? undefined : (store?.letters(linker, record) ?? linker.letters(relocation));
  if (linked?.kind === 'refused')
    return { errno: linked.errno, reason: linked.reason, cause: 'linkage', type, value: S + A };
  if (linked?.kind === 'written') return undefined;
  // Much cheaper than spreading both, and there are millions.
  const letters: Letters = linked === undefined ? { S, A, P } : Object.assign({ S, A, P }, linked.letters);
  const symbol = { name: relocation.symbolName, external: relocation.external };
  return image.change(P, reach, cause, (bytes, offset) => {
    const input = { bytes, offset, letters, symbol, byteOrder: architecture.elf.byteOrder };
    // Most relocations are not refused: what stood there is kept for those of livepatches only.
    const before = store === undefined ? undefined : bytes.slice(offset, offset + reach);
    const outcome = store?.field(record, input) ?? applyRelocation(rule, input);
    if (outcome.status !== 'refused') return undefined;
    const existing = before === undefined ? bytes.slice(offset, offset + reach) : before;
    const value = rule.formula.evaluate(letters);
    const step = refusingStep(rule, { ...input, bytes: existing, offset: 0 }, outcome.written);
    return { errno: outcome.errno, reason: outcome.reason, cause: step, type, value, sum: S + A };
  });
}

/**
 * Which of a rule's checks refuses: the first in their order that does not hold.
 *
 * @param written - the steps that write were taken before: it is none of them.
 */
function refusingStep(
  rule: AppliedRule,
  { letters, bytes, byteOrder }: RelocationInput,
  written: boolean,
): RefusalCause {
  for (const step of rule.steps) {
    const cause = valueRefusal(rule, step, letters);
    if (cause !== undefined) return cause;
    if (step.kind === 'special' && !written) return 'other';
    if (step.kind === 'existing-zero') {
      const { field } = rule;
      if (bytes.length < field.size) return 'other';
      if (readContainer(bytes, 0, field.size, field.byteOrder ?? byteOrder) !== 0n) return 'existing-value';
    }
  }
  return 'other';
}

/** Why a step refuses a value whatever the place holds; undefined where it does not, or looks at the place. */
export function valueRefusal(rule: AppliedRule, step: Step, letters: Letters): RefusalCause | undefined {
  if (step.kind === 'range' && !isInRange({ ...rule, steps: [step] }, letters)) return 'range';
  const aligned = step.kind !== 'aligned' || rule.formula.evaluate(letters) % BigInt(step.to) === 0n;
  return aligned ? undefined : 'alignment';
}

/** A record with its symbol's present value. */
export function linkedRelocation(
  { values, external: known }: Pick<RelocationContext, 'external' | 'values'>,
  { records, symbols, address }: RelocatedSection,
  index: number,
): LinkedRelocation {
  const number = records.symbol(index);
  const { name, external } = relocationSymbol(symbols, known, number);
  return {
    S: values[number] ?? 0n,
    A: records.addend(index),
    P: address + BigInt(records.offset(index)),
    type: records.type(index),
    symbol: number,
    symbolName: name,
    external,
    other: symbols?.other(number) ?? 0,
  };
}

/** Symbols of the module itself need no name: nothing looks at it. */
const internal: RelocationSymbol = { name: '', external: false };

function relocationSymbol(
  symbols: SymbolTable | undefined,
  external: Map<number, RelocationSymbol>,
  number: number,
): RelocationSymbol {
  if (symbols?.isExternal(number) !== true) return internal;
  const known = external.get(number);
  if (known !== undefined) return known;
  const symbol = { name: symbols.name(number), external: true };
  external.set(number, symbol);
  return symbol;
}
