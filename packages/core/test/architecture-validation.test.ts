import { describe, expect, test } from 'vitest';
import type { ArchitectureDefinition } from '../src/architecture.ts';
import { validateArchitecture } from '../src/architecture-validation.ts';
import { isKelpError } from '../src/errors.ts';
import { padding, u16, u32, u8, type EntryLayout } from '../src/entry-layout.ts';
import { whole, type Field, type FieldPart } from '../src/field.ts';
import type { FinalizationOrder } from '../src/finalization.ts';
import type { Applicability } from '../src/kernel.ts';
import { ignored, relocationTable, write, type RelocationRow } from '../src/relocation-type.ts';
import { toyDefinition, toySection } from './toy-architecture.ts';

const source = { file: 'module.c' };

/** What is wrong with the toy architecture after a change; undefined if nothing is. */
function complaint(change: Partial<ArchitectureDefinition>): string | undefined {
  try {
    validateArchitecture({ ...toyDefinition, ...change });
    return undefined;
  } catch (error) {
    if (isKelpError(error) && error.code === 'architecture/invalid') return error.message;
    throw error;
  }
}

const ofTypes = (...rows: readonly RelocationRow[]): string | undefined =>
  complaint({ relocationTypes: relocationTable(source, rows) });

const ofField = (field: Field): string | undefined =>
  ofTypes([1, 'R_TOY', { formula: 'S', field, steps: [write] }]);

const ofParts = (...parts: readonly FieldPart[]): string | undefined => ofField({ size: 2, shift: 0, parts });

const ofLayouts = (...layouts: readonly EntryLayout[]): string | undefined =>
  complaint({ specialSections: [toySection({ name: '__toy', layouts })] });

const ofLayout = (layout: Omit<EntryLayout, 'structure'>): string | undefined =>
  ofLayouts({ structure: 'struct toy', ...layout });

const rule = (...applies: readonly Applicability[]): typeof ignored => ({ ...ignored, applies });

const layout = (...applies: readonly Applicability[]): EntryLayout => ({
  applies,
  size: 4,
  fields: { a: u32(0) },
  structure: 'struct toy',
});

const order = (...applies: readonly Applicability[]): FinalizationOrder => ({
  applies,
  steps: [],
  ftraceSections: [],
  source,
});

test('a sound architecture is not complained about', () => {
  expect(complaint({})).toBeUndefined();
});

describe('relocation types', () => {
  test('may not share a number', () => {
    expect(ofTypes([1, 'R_TOY_A', ignored], [1, 'R_TOY_B', ignored])).toBe(
      'toy: relocation type number 1 stands twice',
    );
  });

  test('may not share a name', () => {
    expect(ofTypes([1, 'R_TOY_A', ignored], [2, 'R_TOY_A', ignored])).toBe(
      'toy: relocation type name R_TOY_A stands twice',
    );
  });

  test.each([-1, 1.5, 2 ** 32, Number.NaN])('may not have the number %d', (number) => {
    expect(ofTypes([number, 'R_TOY', ignored])).toBe(
      `toy: R_TOY: number ${number} is not an ELF64_R_TYPE of 32 bits`,
    );
  });

  test('may not use a letter that the linkage does not declare', () => {
    const row: RelocationRow = [1, 'R_TOY', { formula: 'L + A', field: whole(4), steps: [write] }];
    expect(ofTypes(row)).toBe('toy: R_TOY: letter L is not declared by the linkage');
  });

  test('may use a letter that the linkage declares', () => {
    expect(ofTypes([1, 'R_TOY', { formula: 'G + A', field: whole(4), steps: [write] }])).toBeUndefined();
  });
});

describe('a field', () => {
  test.each([
    ['above the container', { at: 10, width: 7, from: 0 }],
    ['below the container', { at: -1, width: 4, from: 0 }],
    ['of no width', { at: 0, width: 0, from: 0 }],
  ])('may not have bits %s', (_where, part) => {
    expect(ofParts(part)).toBe(`toy: R_TOY: bits ${part.at}+${part.width} lie outside 2 bytes`);
  });

  test('may have bits up to the end of the container', () => {
    expect(ofParts({ at: 10, width: 6, from: 0 })).toBeUndefined();
  });

  test('may have a single bit, and a shift that leaves one', () => {
    expect(ofField({ size: 1, shift: 63, parts: [{ at: 7, width: 1, from: 0 }] })).toBeUndefined();
  });

  test('may not have parts that share bits', () => {
    expect(ofParts({ at: 0, width: 8, from: 0 }, { at: 7, width: 4, from: 8 })).toBe(
      'toy: R_TOY: two parts of the field share bits',
    );
  });

  test('may not take bits below bit 0 of the value', () => {
    expect(ofParts({ at: 0, width: 8, from: -1 })).toBe('toy: R_TOY: a part takes bit -1 of the value');
  });

  test.each([-1, 64])('may not shift the value by %d bits', (shift) => {
    expect(ofField(whole(4, shift))).toBe(`toy: R_TOY: a shift of ${shift} bits leaves nothing of the value`);
  });
});

describe('an entry layout', () => {
  test.each([0, -8, 1.5])('may not have a size of %d bytes', (size) => {
    expect(ofLayout({ size, fields: {} })).toBe(`toy: __toy: an entry of ${size} bytes`);
  });

  test.each([
    ['behind', u32(6)],
    ['before', u32(-1)],
  ])('may not have a field %s its entry', (_where, field) => {
    expect(ofLayout({ size: 8, fields: { field } })).toBe(
      'toy: __toy: field field lies outside the entry of 8 bytes',
    );
  });

  test('may not have fields that overlap', () => {
    expect(ofLayout({ size: 6, fields: { a: u32(0), b: u16(3), c: u16(4) } })).toBe(
      'toy: __toy: field b overlaps another at byte 3',
    );
  });

  test('may not have bytes that belong to no field', () => {
    expect(ofLayout({ size: 8, fields: { a: u32(0), b: u16(4) } })).toBe(
      'toy: __toy: 2 bytes of the entry belong to no field',
    );
  });

  test.each([0, 8, 9])('may not have a last entry of %d of 8 bytes', (lastSize) => {
    expect(ofLayout({ size: 8, lastSize, fields: { a: u32(0), rest: padding(4, 4) } })).toBe(
      `toy: __toy: a last entry of ${lastSize} bytes where an entry has 8`,
    );
  });

  test('may not have a field in the part that the last entry lacks', () => {
    expect(ofLayout({ size: 8, lastSize: 6, fields: { a: u32(0), b: u32(4) } })).toBe(
      'toy: __toy: the last entry of 6 bytes lacks a part of field b',
    );
  });

  test('may have a single byte', () => {
    expect(ofLayout({ size: 1, fields: { a: u8(0) } })).toBeUndefined();
  });

  test('may have a last entry of a single byte', () => {
    expect(ofLayout({ size: 2, lastSize: 1, fields: { a: u8(0), rest: padding(1, 1) } })).toBeUndefined();
  });

  test('may have padding in the part that the last entry lacks', () => {
    expect(ofLayout({ size: 8, lastSize: 4, fields: { a: u32(0), rest: padding(4, 4) } })).toBeUndefined();
  });
});

describe('of alternatives at most one may hold:', () => {
  test('rules', () => {
    expect(ofTypes([1, 'R_TOY', rule({ since: '6.1' }), rule({ since: '6.3' })])).toBe(
      'toy: rules of R_TOY: 2 of them hold for 6.3',
    );
  });

  test('layouts', () => {
    expect(ofLayouts(layout({ before: '6.3' }), layout({ before: '6.1' }))).toBe(
      'toy: layouts of __toy: 2 of them hold for 0.0',
    );
  });

  test('rows of one special section', () => {
    const rows = [{ before: '6.3' }, { since: '6.1' }] as const;
    const specialSections = rows.map((applies) => toySection({ name: '__toy', applies: [applies] }));
    expect(complaint({ specialSections })).toBe('toy: rows of __toy: 2 of them hold for 6.1');
  });

  test('finalization orders', () => {
    expect(complaint({ finalization: [order({ before: '6.3' }), order({ since: '6.2' })] })).toBe(
      'toy: finalization orders: 2 of them hold for 6.2',
    );
  });

  test('a row without bounds and any other', () => {
    expect(ofTypes([1, 'R_TOY', ignored, rule({ since: '6.3' })])).toBe(
      'toy: rules of R_TOY: 2 of them hold for 6.3',
    );
  });

  test('rows that differ by patch level', () => {
    const [backport, mainline] = [rule({ since: '6.1.77', before: '6.2' }), rule({ since: '6.1.80' })];
    expect(ofTypes([1, 'R_TOY', backport, mainline])).toBe('toy: rules of R_TOY: 2 of them hold for 6.1.80');
  });

  test('rows that share a configuration', () => {
    const [one, both] = [rule({ config: { A: true } }), rule({ config: { A: true, B: true } })];
    expect(ofTypes([1, 'R_TOY', one, both])).toBe('toy: rules of R_TOY: 2 of them hold for 0.0');
  });

  test('ranges that meet are no contradiction', () => {
    expect(ofTypes([1, 'R_TOY', rule({ before: '6.1.77' }), rule({ since: '6.1.77' })])).toBeUndefined();
  });

  test('options that exclude each other are no contradiction', () => {
    expect(
      ofTypes([1, 'R_TOY', rule({ config: { A: true } }), rule({ config: { A: false } })]),
    ).toBeUndefined();
  });

  test('a list of ranges with gaps is no contradiction', () => {
    const stable = [
      { since: '6.1.77', before: '6.2' },
      { since: '6.6.16', before: '6.7' },
      { since: '6.8' },
    ] as const;
    const others = [
      { before: '6.1.77' },
      { since: '6.2', before: '6.6.16' },
      { since: '6.7', before: '6.8' },
    ] as const;
    expect(ofTypes([1, 'R_TOY', rule(...stable), rule(...others)])).toBeUndefined();
  });
});
