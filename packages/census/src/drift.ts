import { relocationRule, type Architecture, type Kernel, type SpecialSection } from '@kelp/core';
import type { Census, KernelCounts, SectionCount } from './census.ts';
import { compareText } from './compare-text.ts';
import { sumBySection } from './function-report.ts';
import { readableKernel } from './readable-kernel.ts';
import { describeSection, type SectionDescription } from './section-description.ts';

/** What changed. */
export const changeKinds = [
  'section-appeared',
  'section-gone',
  'entry-size',
  'layout',
  'header',
  'section-use',
  'relocation-appeared',
  'relocation-gone',
  'relocation-use',
] as const;

export type ChangeKind = (typeof changeKinds)[number];

/**
 * What a change means for livepatching, the worst first: `unknown` has no row in the tables, so nothing is known about it;
 * `breaks` corrupts code or data or refuses a load where a livepatch relocation meets it; `patches-code` rewrites
 * instructions; `data` keeps a wrong value; `tools` means that build tools must follow; `none` is for the record.
 */
export const consequences = ['unknown', 'breaks', 'patches-code', 'data', 'tools', 'none'] as const;

export type Consequence = (typeof consequences)[number];

/** One difference between two kernels. */
export interface Change {
  readonly kind: ChangeKind;
  readonly consequence: Consequence;
  /** Name of the section or relocation type. Untrusted. */
  readonly subject: string;
  /** In words, with what it was before and is now. */
  readonly text: string;
  /** Why the consequence is what it is. */
  readonly why: string;
}

/** The differences between two kernels of one architecture, by consequence, kind and subject. */
export interface Comparison {
  readonly architecture: string;
  readonly from: string;
  readonly to: string;
  readonly changes: readonly Change[];
}

/** Use counts as changed where it is at least this many times larger or smaller ... */
const useFactor = 2;
/** ... and the larger of the two is at least this many modules. */
const leastModules = 20;

/** The kernels to compare: of several censuses the newest of each, of one census all that it has. */
export function kernelSequence(
  censuses: readonly Census[],
  { id }: Pick<Architecture, 'id'>,
): readonly KernelCounts[] {
  const kernels = censuses.map((census) => census.architectures[id]?.kernels ?? []);
  return kernels.length === 1 ? kernels.flat() : kernels.flatMap((one) => one.at(-1) ?? []);
}

/** Compare each kernel of a sequence of censuses with the one before it, architecture by architecture. */
export function compareCensuses(
  censuses: readonly Census[],
  architectures: readonly Architecture[],
): readonly Comparison[] {
  return architectures.flatMap((architecture) => {
    const kernels = kernelSequence(censuses, architecture);
    return kernels.slice(1).map((newer, index) => compare(architecture, kernels[index] ?? newer, newer));
  });
}

function compare(architecture: Architecture, older: KernelCounts, newer: KernelCounts): Comparison {
  const kernel = readableKernel(newer.release);
  const changes = [
    ...sectionChanges(architecture, kernel, older, newer),
    ...relocationChanges(architecture, kernel, older, newer),
  ];
  return {
    architecture: architecture.id,
    from: older.release,
    to: newer.release,
    changes: changes.toSorted(
      (a, b) =>
        consequences.indexOf(a.consequence) - consequences.indexOf(b.consequence) ||
        changeKinds.indexOf(a.kind) - changeKinds.indexOf(b.kind) ||
        compareText(a.subject, b.subject),
    ),
  };
}

/** What the census says about one section name. */
interface SectionFacts extends SectionDescription {
  readonly count: SectionCount;
  readonly functions: number | undefined;
}

function factsOf(kernel: KernelCounts): ReadonlyMap<string, SectionFacts> {
  const shapes = new Map(kernel.shapes.map((shape) => [shape.section, shape]));
  const functions = new Map(
    sumBySection(kernel.functions.sections).map((use) => [use.section, use.functions]),
  );
  const relocated = new Set(kernel.relocationsBySection.map(({ section }) => section));
  return new Map(
    kernel.sections
      .filter(({ name, special }) => special || shapes.has(name) || relocated.has(name))
      .map((count) => [
        count.name,
        { count, functions: functions.get(count.name), ...describeSection(shapes.get(count.name)) },
      ]),
  );
}

function sectionChanges(
  architecture: Architecture,
  kernel: Kernel | undefined,
  older: KernelCounts,
  newer: KernelCounts,
): readonly Change[] {
  const [before, after] = [factsOf(older), factsOf(newer)];
  const changes: Change[] = [];
  for (const [name, facts] of after) {
    const row = architecture.specialSection(name, kernel);
    const found = before.get(name);
    const meaning = meaningOf(row, facts);
    if (found === undefined) {
      const text = `new in ${modules(facts.count)}${entriesText(facts)}`;
      changes.push({ kind: 'section-appeared', subject: name, text, ...meaning });
      continue;
    }
    changes.push(
      ...layoutChanges(found, facts).map((change) => ({
        ...change,
        subject: name,
        ...(change.kind === 'header' ? headerMeaning(meaning.consequence) : meaning),
      })),
      ...useChanges(found, facts, older, newer).map((change) => ({
        ...change,
        subject: name,
        consequence: meaning.consequence === 'none' ? ('none' as const) : ('tools' as const),
        why: 'The table is known; how much depends on it changed.',
      })),
    );
  }
  for (const [name, facts] of before) {
    if (after.has(name)) continue;
    const isTable = architecture.specialSection(name)?.patchesCode === true;
    changes.push({
      kind: 'section-gone',
      subject: name,
      text: `was in ${modules(facts.count)}`,
      consequence: isTable ? 'tools' : 'none',
      why: isTable ? 'Tools that insist on the section fail.' : 'Nothing has to follow.',
    });
  }
  return changes;
}

/** Consequence of something new or different in a section. */
function meaningOf(
  row: SpecialSection | undefined,
  facts: SectionFacts,
): Pick<Change, 'consequence' | 'why'> {
  if (row === undefined) {
    if (!facts.count.special && facts.signals.length === 0)
      return { consequence: 'none', why: 'No sign of a table of the kernel.' };
    return {
      consequence: 'unknown',
      why: `No row of the tables knows it: ${facts.signals.join(', ') || 'looks special in some module'}.`,
    };
  }
  if (row.hazard.level === 'high') return { consequence: 'breaks', why: row.hazard.reason };
  if (row.patchesCode === true) return { consequence: 'patches-code', why: row.effect };
  if (row.hazard.level === 'data') return { consequence: 'data', why: row.hazard.reason };
  if (row.layouts.length > 0) return { consequence: 'tools', why: row.effect };
  return { consequence: 'none', why: row.effect };
}

/** The kernel goes by the names and sizes of sections, not by flags and entry size of the header. */
function headerMeaning(consequence: Consequence): Pick<Change, 'consequence' | 'why'> {
  const why =
    'Linkers merge by flags and entry size, and build tools cut the table by them; the kernel does not look.';
  return { consequence: consequence === 'unknown' || consequence === 'none' ? consequence : 'tools', why };
}

function layoutChanges(before: SectionFacts, after: SectionFacts): readonly Pick<Change, 'kind' | 'text'>[] {
  if (before.entrySize !== undefined && after.entrySize !== undefined && before.entrySize !== after.entrySize)
    return [{ kind: 'entry-size', text: `entries of ${before.entrySize} bytes become ${after.entrySize}` }];
  if (before.fields !== undefined && after.fields !== undefined && before.fields !== after.fields)
    return [{ kind: 'layout', text: `entries change from (${before.fields}) to (${after.fields})` }];
  // A row knows what its fields lead to; code or data, as for exported symbols, may differ from module to module.
  const member = after.fields === undefined ? 'places' : 'offsets';
  if (before[member] !== undefined && after[member] !== undefined && before[member] !== after[member])
    return [{ kind: 'layout', text: `pointers move from ${before.places ?? ''} to ${after.places ?? ''}` }];
  if (before.header !== undefined && after.header !== undefined && before.header !== after.header)
    return [{ kind: 'header', text: `header changes from ${before.header} to ${after.header}` }];
  return [];
}

function useChanges(
  before: SectionFacts,
  after: SectionFacts,
  older: KernelCounts,
  newer: KernelCounts,
): readonly Pick<Change, 'kind' | 'text'>[] {
  if (!isLargeChange(before.count.modules, after.count.modules, older, newer)) return [];
  const functions =
    after.functions === undefined ? '' : `, functions ${before.functions ?? 0} -> ${after.functions}`;
  const text = `modules ${before.count.modules} -> ${after.count.modules}, entries ${before.count.entries ?? '?'} -> ${after.count.entries ?? '?'}${functions}`;
  return [{ kind: 'section-use', text }];
}

/** Shares of all modules: kernels differ in how many they have. */
function isLargeChange(a: number, b: number, older: KernelCounts, newer: KernelCounts): boolean {
  const [before, after] = [a / Math.max(older.modules, 1), b / Math.max(newer.modules, 1)];
  return Math.max(a, b) >= leastModules && Math.max(before, after) >= useFactor * Math.min(before, after);
}

function relocationChanges(
  architecture: Architecture,
  kernel: Kernel | undefined,
  older: KernelCounts,
  newer: KernelCounts,
): readonly Change[] {
  const before = new Map(older.relocations.map((use) => [use.type, use]));
  const after = new Map(newer.relocations.map((use) => [use.type, use]));
  const changes: Change[] = [];
  for (const [type, { name, count, modules: files }] of after) {
    const found = before.get(type);
    const meaning = relocationMeaning(architecture, kernel, type);
    if (found === undefined) {
      const text = `new: ${count} in ${files} modules`;
      changes.push({ kind: 'relocation-appeared', subject: name, text, ...meaning });
    } else if (isLargeChange(found.modules, files, older, newer)) {
      const text = `modules ${found.modules} -> ${files}, relocations ${found.count} -> ${count}`;
      const why = 'The type is known; how much depends on it changed.';
      changes.push({ kind: 'relocation-use', subject: name, text, consequence: 'none', why });
    }
  }
  for (const [type, { name, count, modules: files }] of before) {
    if (after.has(type)) continue;
    const text = `were ${count} in ${files} modules`;
    changes.push({
      kind: 'relocation-gone',
      subject: name,
      text,
      consequence: 'none',
      why: 'Nothing has to follow.',
    });
  }
  return changes;
}

function relocationMeaning(
  architecture: Architecture,
  kernel: Kernel | undefined,
  number: number,
): Pick<Change, 'consequence' | 'why'> {
  const type = architecture.relocationType(number);
  if (type === undefined) return { consequence: 'unknown', why: 'No row of the tables knows the number.' };
  const rule = kernel === undefined ? undefined : relocationRule(type, kernel);
  if (rule === undefined) return { consequence: 'unknown', why: 'The tables have no rule for this kernel.' };
  if (rule.verdict === 'refused')
    return { consequence: 'breaks', why: `The loader refuses it with ${rule.errno}.` };
  return rule.verdict === 'ignored'
    ? { consequence: 'none', why: 'The loader ignores it.' }
    : { consequence: 'tools', why: 'The loader applies it; a livepatch may have to, too.' };
}

function modules({ modules: count }: SectionCount): string {
  return count === 1 ? '1 module' : `${count} modules`;
}

function entriesText({ count, entrySize, places }: SectionFacts): string {
  const size = entrySize === undefined ? '' : ` of ${entrySize} bytes`;
  const entries =
    count.entries === null ? (size === '' ? '' : `, entries${size}`) : `, ${count.entries} entries${size}`;
  return `${entries}${places === undefined ? '' : `, pointers at ${places}`}`;
}
