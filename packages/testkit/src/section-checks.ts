import {
  appliesTo,
  entrySource,
  fitLayout,
  isPointer,
  matchesName,
  relocationRule,
  relocationsOf,
  type Architecture,
  type EntryField,
  type EntryLayout,
  type Kernel,
  type SpecialSection,
} from '@kelp/core';
import { SHT_NULL, type ObjectFile, type Section } from '@kelp/core/elf';
import type { Failure } from './failure.ts';
import type { FixtureObject } from './fixture-object.ts';

/** What fixture modules show of one layout, in all of them together. */
interface Exhibit {
  readonly row: SpecialSection;
  readonly layout: EntryLayout;
  /** Pointer fields that some entry has without a relocation. */
  readonly empty: Set<string>;
  /** Bits of the addend of pointer fields that are not a multiple of eight. */
  readonly low: Map<string, bigint>;
  entries: number;
}

/**
 * Every layout is in a module of a kernel that uses it; its pointers are where the relocations are, and are relocated by
 * a type that computes what they hold. What is optional is missing somewhere, and flags are set somewhere.
 *
 * @param kernels - those of the fixtures: layouts of others need not be shown.
 * @param unseen - names of rows that no module can have.
 */
export function* checkLayouts(
  architecture: Architecture,
  fixtures: readonly FixtureObject[],
  kernels: readonly Kernel[],
  unseen: ReadonlySet<string>,
): Generator<Failure> {
  // A plugin that has just been started has no modules: then nothing is shown, and nothing is wrong.
  if (fixtures.length === 0) return;
  const exhibits = new Map<EntryLayout, Exhibit>();
  for (const fixture of fixtures) yield* collect(architecture, fixture, exhibits);
  for (const row of architecture.specialSections) {
    for (const layout of row.layouts) {
      const exhibit = exhibits.get(layout);
      if (exhibit !== undefined) yield* judge(exhibit);
      else if (
        !unseen.has(row.name) &&
        kernels.some((kernel) => appliesTo(row.applies, kernel) && appliesTo(layout.applies, kernel))
      )
        yield failure(
          row,
          `no fixture has an entry of ${layout.size} bytes in the layout of ${layout.structure}`,
        );
    }
  }
}

function* collect(
  architecture: Architecture,
  { file, object, kernel }: FixtureObject,
  exhibits: Map<EntryLayout, Exhibit>,
): Generator<Failure> {
  for (const section of object.sections) {
    const row = rowOf(architecture, section, kernel);
    const fitted = row === undefined ? undefined : fitLayout(row, kernel, entrySource(object, section));
    if (row === undefined || fitted === undefined || fitted.count === 0) continue;
    const { layout } = fitted;
    const exhibit = exhibits.get(layout) ?? { row, layout, empty: new Set(), low: new Map(), entries: 0 };
    exhibits.set(layout, exhibit);
    exhibit.entries += fitted.count;
    yield* compareRelocations(architecture, kernel, { file, object, section }, exhibit, fitted.count);
  }
}

function rowOf(architecture: Architecture, section: Section, kernel: Kernel): SpecialSection | undefined {
  if (section.type === SHT_NULL || section.size === 0) return undefined;
  return architecture.specialSection(section.name, kernel);
}

/** The relocations of a section against the pointers of its layout. */
function* compareRelocations(
  architecture: Architecture,
  kernel: Kernel,
  { file, object, section }: Pick<FixtureObject, 'file' | 'object'> & { readonly section: Section },
  { row, layout, empty, low }: Exhibit,
  count: number,
): Generator<Failure> {
  const relocations = relocationsOf(object, section);
  const filled = new Map<string, number>();
  for (let index = 0; index < (relocations?.count ?? 0); index++) {
    if (relocations === undefined) break;
    const at = relocations.offset(index) % layout.size;
    const [name, field] =
      Object.entries(layout.fields).find(([, one]) => isPointer(one) && one.offset === at) ?? [];
    if (name === undefined || field === undefined) {
      yield failure(row, `${file}: a relocation at byte ${at} of an entry, where no pointer begins`);
      continue;
    }
    filled.set(name, (filled.get(name) ?? 0) + 1);
    low.set(name, (low.get(name) ?? 0n) | (relocations.addend(index) & 7n));
    const wrong = mismatch(architecture, kernel, relocations.type(index), field);
    if (wrong !== undefined) yield failure(row, `${file}: ${name} is ${wrong}`);
  }
  for (const [name, field] of Object.entries(layout.fields)) {
    if (isPointer(field) && (filled.get(name) ?? 0) < count) empty.add(name);
  }
}

/** What a relocation type makes of a field that cannot be so. */
function mismatch(
  architecture: Architecture,
  kernel: Kernel,
  number: number,
  { kind, size }: EntryField,
): string | undefined {
  const type = architecture.relocationType(number);
  const rule = type === undefined ? undefined : relocationRule(type, kernel);
  if (type === undefined || rule?.verdict !== 'applied') return undefined;
  if (rule.field.size !== size) return `${size} bytes, ${type.name} fills ${rule.field.size}`;
  const distance = rule.formula.letters.includes('P');
  if (distance === (kind === 'absolute'))
    return `${kind}, ${type.name} stores ${distance ? 'a distance' : 'an address'}`;
  return undefined;
}

function* judge({ row, layout, empty, low }: Exhibit): Generator<Failure> {
  for (const [name, field] of Object.entries(layout.fields)) {
    if (!isPointer(field)) continue;
    if (field.optional === true && !empty.has(name))
      yield failure(row, `${name} is optional, and every entry of the fixtures has it`);
    const flags = BigInt(field.flags ?? 0);
    if (flags !== 0n && low.get(name) !== flags)
      yield failure(row, `${name} has flags ${flags}, the fixtures set ${low.get(name) ?? 0n}`);
  }
}

/**
 * A fixture that there is for every kernel has no section that the rows keep from modules of its kernel, and has all
 * sections of rows that hold for some kernels only, if that of any kernel has them.
 *
 * @param unseen - names of rows that no module can have.
 */
export function* checkPresence(
  architecture: Architecture,
  fixtures: readonly FixtureObject[],
  unseen: ReadonlySet<string>,
): Generator<Failure> {
  for (const family of ['special-', 'rare-']) {
    const complete = fixtures.filter(({ file }) => file.startsWith(family));
    yield* presenceIn(architecture, complete, unseen);
  }
}

function* presenceIn(
  architecture: Architecture,
  complete: readonly FixtureObject[],
  unseen: ReadonlySet<string>,
): Generator<Failure> {
  for (const row of architecture.specialSections) {
    if (row.applies === undefined || unseen.has(row.name)) continue;
    const present = complete.filter(({ object }) => namesOf(object).some((name) => matchesName(row, name)));
    if (present.length === 0) continue;
    for (const fixture of complete) {
      const known = appliesTo(row.applies, fixture.kernel);
      const has = present.includes(fixture);
      const { release } = fixture.kernel;
      if (known && !has)
        yield failure(row, `modules of ${release} can have it, and ${fixture.file} has none`);
      if (!known && has && !hasOtherRow(architecture, row, fixture))
        yield failure(row, `${fixture.file} has it, and modules of ${release} cannot`);
    }
  }
}

function namesOf({ sections }: ObjectFile): readonly string[] {
  return sections.filter(({ type }) => type !== SHT_NULL).map(({ name }) => name);
}

/** Another row of the name holds for the kernel. */
function hasOtherRow(
  { specialSections }: Architecture,
  row: SpecialSection,
  { kernel }: FixtureObject,
): boolean {
  return specialSections.some(
    (one) => one !== row && one.name === row.name && appliesTo(one.applies, kernel),
  );
}

/**
 * A section of constant data that is relocated has a layout in the kernels of the fixtures: it is a table of something.
 *
 * @param shapeless - names of rows whose entries have no fixed size, or that hold whatever the code around them needs.
 */
export function* checkShapes(
  architecture: Architecture,
  fixtures: readonly FixtureObject[],
  shapeless: ReadonlySet<string>,
): Generator<Failure> {
  for (const { file, object, kernel } of fixtures) {
    for (const section of object.sections) {
      const row = rowOf(architecture, section, kernel);
      if (row === undefined || section.isExecutable || shapeless.has(row.name) || holdsData(row)) continue;
      const relocated = (relocationsOf(object, section)?.count ?? 0) > 0;
      if (relocated && !row.layouts.some(({ applies }) => appliesTo(applies, kernel)))
        yield failure(row, `${file}: relocated, and without a layout for ${kernel.release}`);
    }
  }
}

/** Data of every kind, placed where the kernel wants it. */
function holdsData({ name, phase }: SpecialSection): boolean {
  return name.startsWith('.data') || name.startsWith('.gnu.linkonce') || phase === 'layout';
}

/** Every fact names the kernel file that it is from. */
export function* checkSources({
  relocationTypes,
  specialSections,
  finalization,
  support,
}: Architecture): Generator<Failure> {
  for (const { name, rules } of relocationTypes) {
    if (rules.length === 0 || rules.some(({ source }) => source.file === ''))
      yield {
        check: 'sources',
        feature: `relocation/${name}`,
        message: 'a rule names no file of the kernel',
      };
  }
  for (const row of specialSections) {
    if (row.consumer?.file === '' || row.layouts.some(({ structure }) => structure === ''))
      yield { check: 'sources', feature: `section/${row.name}`, message: 'consumer or layout names no file' };
  }
  for (const { steps, source } of finalization) {
    if (source.file === '' || steps.some((step) => step.function === ''))
      yield { check: 'sources', message: 'an order of finalization steps names no kernel function' };
  }
  for (const { name, kernels } of support.capabilities) {
    if (kernels.some(({ source }) => source.file === ''))
      yield { check: 'sources', feature: `capability/${name}`, message: 'names no file of the kernel' };
  }
}

function failure(row: SpecialSection, message: string): Failure {
  return { check: 'layouts', feature: `section/${row.name}`, message };
}
