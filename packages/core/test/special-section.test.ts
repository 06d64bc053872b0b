import { describe, expect, test } from 'vitest';
import { pcRelative32, pointer, u16, u32, type EntryLayout } from '../src/entry-layout.ts';
import type { EntrySource } from '../src/entry.ts';
import { parseKernel } from '../src/kernel.ts';
import { countFittingEntries, fitLayout, layoutFor, matchesName } from '../src/special-section.ts';
import { toySection } from './toy-architecture.ts';

/** One pointer and a number in 8 bytes; since 6.12 two pointers and a number in 12. */
const older: EntryLayout = {
  applies: [{ before: '6.12' }],
  size: 8,
  fields: { place: pcRelative32(0), line: u16(4), flags: u16(6) },
  structure: 'struct bug',
};
const newer: EntryLayout = {
  applies: [{ since: '6.12' }],
  size: 12,
  fields: { place: pcRelative32(0), format: pcRelative32(4, { optional: true }), line: u32(8) },
  structure: 'struct bug',
};
const bugs = toySection({ name: '__bugs', layouts: [older, newer] });
const [oldKernel, newKernel] = [parseKernel('6.1'), parseKernel('6.12')];

/** A section of a size, with relocations at some offsets. */
function sourceOf(size: number, offsets: readonly number[]): EntrySource {
  return {
    bytes: new Uint8Array(size),
    byteOrder: 'little',
    relocationAt: (offset) => (offsets.includes(offset) ? { symbol: 1, addend: 0n } : undefined),
  };
}

describe('matchesName', () => {
  test.each([
    ['__bugs', '__bugs', true],
    ['__bugs', '__bugs2', false],
    ['__bugs', '__bug', false],
    ['runtime_*', 'runtime_shift_d_hash', true],
    ['runtime_*', 'runtime_', true],
    ['runtime_*', 'runtime', false],
    ['runtime_*', '.runtime_x', false],
    ['*', 'anything', true],
    ['.*x', '.abcx', false],
  ])('%s against %s: %s', (name, section, matches) => {
    expect(matchesName({ name }, section)).toBe(matches);
  });
});

describe('layoutFor', () => {
  test('gives the layout of the kernel', () => {
    expect([layoutFor(bugs, oldKernel), layoutFor(bugs, newKernel)]).toEqual([older, newer]);
  });

  test('gives none where the row has none', () => {
    expect(layoutFor(toySection({ name: '__bugs', layouts: [newer] }), oldKernel)).toBeUndefined();
  });
});

describe('fitLayout', () => {
  test('takes the layout of the kernel where it fits', () => {
    expect(fitLayout(bugs, oldKernel, sourceOf(24, [0, 8, 16]))).toEqual({
      layout: older,
      count: 3,
      foreign: false,
    });
  });

  test('takes the layout of the kernel before another that fits as well', () => {
    expect(fitLayout(bugs, newKernel, sourceOf(24, [0, 8, 12, 16]))).toMatchObject({
      layout: newer,
      foreign: false,
    });
  });

  test('takes the layout of another kernel where that of the kernel does not fit the relocations', () => {
    expect(fitLayout(bugs, newKernel, sourceOf(24, [0, 8, 16]))).toEqual({
      layout: older,
      count: 3,
      foreign: true,
    });
  });

  test('takes the layout of another kernel where that of the kernel does not fit the size', () => {
    expect(fitLayout(bugs, oldKernel, sourceOf(12, [0, 4]))).toEqual({
      layout: newer,
      count: 1,
      foreign: true,
    });
  });

  test('takes the first that fits where no kernel is known, and none is foreign', () => {
    expect(fitLayout(bugs, undefined, sourceOf(24, [0, 12]))).toEqual({
      layout: newer,
      count: 2,
      foreign: false,
    });
  });

  test('calls every layout foreign where the row has none for the kernel', () => {
    const row = toySection({ name: '__bugs', layouts: [newer] });
    expect(fitLayout(row, oldKernel, sourceOf(12, [0]))).toMatchObject({ foreign: true });
  });

  test('needs no relocation in an optional pointer', () => {
    expect(fitLayout(bugs, newKernel, sourceOf(12, [0]))).toMatchObject({ layout: newer });
  });

  test('needs a relocation in every entry', () => {
    expect(fitLayout(bugs, oldKernel, sourceOf(16, [0]))).toBeUndefined();
  });

  test('needs a relocation in every pointer', () => {
    const two = {
      size: 8,
      fields: { code: pcRelative32(0), target: pcRelative32(4) },
      structure: 'struct jump',
    };
    const row = toySection({ name: '__jumps', layouts: [two] });
    expect([[0], [4], [0, 4]].map((at) => fitLayout(row, oldKernel, sourceOf(8, at))?.count)).toEqual([
      undefined,
      undefined,
      1,
    ]);
  });

  test('needs no relocations in a linked file', () => {
    expect(fitLayout(bugs, newKernel, { ...sourceOf(24, []), linked: true })).toMatchObject({
      layout: newer,
      count: 2,
    });
  });

  test('gives nothing where no size fits', () => {
    expect(fitLayout(bugs, oldKernel, sourceOf(10, [0]))).toBeUndefined();
  });

  test('gives nothing for a row without layouts', () => {
    expect(fitLayout(toySection({ name: '.text.hot' }), oldKernel, sourceOf(8, []))).toBeUndefined();
  });
});

describe('countFittingEntries', () => {
  test.each([
    ['too few relocations for the pointers', oldKernel, 16, 1, undefined],
    ['a relocation for each pointer', oldKernel, 16, 2, 2],
    ['more relocations than pointers', oldKernel, 16, 3, undefined],
    ['optional pointers empty', newKernel, 24, 2, 2],
    ['optional pointers filled', newKernel, 24, 4, 2],
    ['the layout of another kernel', newKernel, 24, 3, 2],
    ['only the layout of another kernel', newKernel, 16, 2, 2],
    ['a size that fits no layout', newKernel, 10, 1, undefined],
    ['an empty section', newKernel, 0, 0, 0],
    ['a linked file', newKernel, 24, undefined, 2],
    ['no kernel', undefined, 24, 3, 3],
  ])('%s', (_what, kernel, size, relocations, count) => {
    expect(countFittingEntries(bugs, kernel, size, relocations)).toBe(count);
  });

  test('a table without pointers has no relocations', () => {
    const numbers = toySection({
      name: '__n',
      layouts: [{ size: 4, fields: { n: u32(0) }, structure: 'u32' }],
    });
    expect([0, 1].map((relocations) => countFittingEntries(numbers, newKernel, 8, relocations))).toEqual([
      2,
      undefined,
    ]);
  });

  test('counts what fitLayout counts where the relocations are at the pointers', () => {
    const row = toySection({
      name: '__p',
      layouts: [{ size: 8, fields: { p: pointer(0) }, structure: 'void *' }],
    });
    expect(countFittingEntries(row, newKernel, 24, 3)).toBe(
      fitLayout(row, newKernel, sourceOf(24, [0, 8, 16]))?.count,
    );
  });
});
