import type { ArchitectureDefinition } from './architecture.ts';
import type { EntryLayout } from './entry-layout.ts';
import { KelpError } from './errors.ts';
import type { Field } from './field.ts';
import { appliesTo, parseKernel, type Applicability, type Kernel } from './kernel.ts';
import type { RelocationType } from './relocation-type.ts';
import type { SpecialSection } from './special-section.ts';

/** A table or a list of alternatives that carries applicability. */
type Versioned = { readonly applies?: readonly Applicability[] };

/**
 * Check that the tables of an architecture do not contradict themselves: numbers and names are unique, at most one
 * alternative holds for any kernel, formulas use known letters, fields lie in their containers and do not overlap.
 *
 * @throws KelpError `architecture/invalid`.
 */
export function validateArchitecture(definition: ArchitectureDefinition): void {
  const fail = (message: string): never => {
    throw new KelpError('architecture/invalid', `${definition.id}: ${message}`);
  };
  const letters = new Set(['S', 'A', 'P', ...Object.keys(definition.linkage?.letters ?? {})]);
  requireUnique(
    definition.relocationTypes.map((type) => type.number),
    'relocation type number',
    fail,
  );
  requireUnique(
    definition.relocationTypes.map((type) => type.name),
    'relocation type name',
    fail,
  );
  for (const type of definition.relocationTypes) checkRelocationType(type, letters, fail);
  for (const row of definition.specialSections) checkSpecialSection(row, fail);
  for (const rows of rowsByName(definition.specialSections))
    requireExclusive(rows, `rows of ${rows[0]?.name}`, fail);
  requireExclusive(definition.finalization, 'finalization orders', fail);
}

type Fail = (message: string) => never;

function requireUnique(values: readonly (number | string)[], what: string, fail: Fail): void {
  const seen = new Set<number | string>();
  for (const value of values) {
    if (seen.has(value)) fail(`${what} ${value} stands twice`);
    seen.add(value);
  }
}

function rowsByName(rows: readonly SpecialSection[]): readonly SpecialSection[][] {
  const names = [...new Set(rows.map((row) => row.name))];
  return names.map((name) => rows.filter((row) => row.name === name));
}

function checkRelocationType(type: RelocationType, letters: ReadonlySet<string>, fail: Fail): void {
  if (type.number !== type.number >>> 0)
    fail(`${type.name}: number ${type.number} is not an ELF64_R_TYPE of 32 bits`);
  requireExclusive(type.rules, `rules of ${type.name}`, fail);
  for (const rule of type.rules) {
    if (rule.verdict !== 'applied') continue;
    const unknown = rule.formula.letters.find((letter) => !letters.has(letter));
    if (unknown !== undefined) fail(`${type.name}: letter ${unknown} is not declared by the linkage`);
    checkField(type.name, rule.field, fail);
  }
}

function checkField(name: string, field: Field, fail: Fail): void {
  if (field.shift < 0 || field.shift > 63)
    fail(`${name}: a shift of ${field.shift} bits leaves nothing of the value`);
  let taken = 0n;
  for (const { at, width, from } of field.parts) {
    if (from < 0) fail(`${name}: a part takes bit ${from} of the value`);
    if (width < 1 || at < 0 || at + width > field.size * 8)
      fail(`${name}: bits ${at}+${width} lie outside ${field.size} bytes`);
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(at);
    if ((taken & mask) !== 0n) fail(`${name}: two parts of the field share bits`);
    taken |= mask;
  }
}

function checkSpecialSection(row: SpecialSection, fail: Fail): void {
  requireExclusive(row.layouts, `layouts of ${row.name}`, fail);
  for (const layout of row.layouts) checkLayout(row.name, layout, fail);
}

function checkLayout(name: string, layout: EntryLayout, fail: Fail): void {
  // A decoder that goes on by such a size would never end.
  if (!Number.isSafeInteger(layout.size) || layout.size < 1)
    fail(`${name}: an entry of ${layout.size} bytes`);
  checkLastEntry(name, layout, fail);
  const taken = new Set<number>();
  for (const [field, { offset, size }] of Object.entries(layout.fields)) {
    if (offset < 0 || offset + size > layout.size)
      fail(`${name}: field ${field} lies outside the entry of ${layout.size} bytes`);
    for (let at = offset; at < offset + size; at++) {
      if (taken.has(at)) fail(`${name}: field ${field} overlaps another at byte ${at}`);
      taken.add(at);
    }
  }
  const unnamed = layout.size - taken.size;
  if (unnamed !== 0) fail(`${name}: ${unnamed} bytes of the entry belong to no field`);
}

/** A last entry that is shorter lacks padding only, or decoding it would make values up. */
function checkLastEntry(name: string, { size, lastSize, fields }: EntryLayout, fail: Fail): void {
  if (lastSize === undefined) return;
  if (lastSize < 1 || lastSize >= size)
    fail(`${name}: a last entry of ${lastSize} bytes where an entry has ${size}`);
  for (const [field, { kind, offset, size: bytes }] of Object.entries(fields)) {
    if (kind === 'padding' || offset + bytes <= lastSize) continue;
    fail(`${name}: the last entry of ${lastSize} bytes lacks a part of field ${field}`);
  }
}

/** At most one of the alternatives holds for every kernel that their bounds can tell apart. */
function requireExclusive(alternatives: readonly Versioned[], what: string, fail: Fail): void {
  if (alternatives.length < 2) return;
  for (const kernel of distinguishableKernels(alternatives)) {
    const holding = alternatives.filter((one) => appliesTo(one.applies, kernel));
    if (holding.length > 1) fail(`${what}: ${holding.length} of them hold for ${kernel.release}`);
  }
}

/** One kernel for every version named by a bound, one before all of them, with every combination of the options. */
function distinguishableKernels(alternatives: readonly Versioned[]): readonly Kernel[] {
  const conditions = alternatives.flatMap((one) => one.applies ?? []);
  const versions = new Set(conditions.flatMap(({ since, before }) => [since ?? [], before ?? []].flat()));
  const options = [...new Set(conditions.flatMap(({ config }) => Object.keys(config ?? {})))];
  const releases = ['0.0', ...versions];
  return releases.flatMap((release) =>
    combinations(options).map((configuration) => parseKernel(release, configuration)),
  );
}

function combinations(options: readonly string[]): readonly ReadonlyMap<string, string>[] {
  const [first, ...rest] = options;
  if (first === undefined) return [new Map()];
  return combinations(rest).flatMap((map) => [map, new Map([...map, [first, 'y']])]);
}
