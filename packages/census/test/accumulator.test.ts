import { describe, expect, test } from 'vitest';
import { Accumulator } from '../src/accumulator.ts';
import { compareText } from '../src/compare-text.ts';
import type { Counts, SectionCount } from '../src/census.ts';
import type { ModuleInventory, RelocationUse, SectionUse } from '../src/inventory.ts';
import { toy } from './toy-architecture.ts';

const section = (name: string, more: Partial<SectionUse> = {}): SectionUse => ({
  name,
  bytes: 8,
  entries: null,
  special: false,
  known: false,
  ...more,
});

function inventory(
  sections: readonly SectionUse[],
  relocations: readonly RelocationUse[] = [],
  image = false,
): ModuleInventory {
  return { architecture: toy, release: '6.1', image, sections, relocations };
}

function countsOf(...inventories: readonly ModuleInventory[]): Counts {
  const sums = new Accumulator();
  for (const one of inventories) sums.addInventory(one);
  return sums.counts();
}

const nothing: Counts = {
  modules: 0,
  images: 0,
  failed: [],
  relocations: [],
  sections: [],
  relocationsBySection: [],
};

test('without files there is nothing', () => {
  expect(countsOf()).toEqual(nothing);
});

test('files are counted, and the kernel images among them', () => {
  expect(countsOf(inventory([]), inventory([], [], true))).toMatchObject({ modules: 2, images: 1 });
});

function sectionsOf(...inventories: readonly ModuleInventory[]): readonly SectionCount[] {
  return countsOf(...inventories).sections;
}

describe('sections', () => {
  test('count the files that have them, and the sum of their sizes', () => {
    const [text] = sectionsOf(
      inventory([section('.text')]),
      inventory([section('.text', { bytes: 5 })]),
      inventory([]),
    );
    expect(text).toMatchObject({ name: '.text', modules: 2, bytes: 13 });
  });

  test('that share a name count once for a file, with all their bytes', () => {
    const [text] = sectionsOf(inventory([section('.text'), section('.text')]));
    expect(text).toMatchObject({ modules: 1, bytes: 16 });
  });

  test('add up the entries where they are known', () => {
    const uses = [2, null, 3].map((entries) => inventory([section('__bugs', { entries })]));
    expect(sectionsOf(...uses)[0]?.entries).toBe(5);
  });

  test('have no number of entries where it is nowhere known', () => {
    expect(sectionsOf(inventory([section('__x')]), inventory([section('__x')]))[0]?.entries).toBeNull();
  });

  test('of absurd sizes add up to a number that JSON keeps exact', () => {
    const uses = [1, 2, 3].map(() =>
      inventory([section('.bss', { bytes: 2 ** 53 - 1, entries: 2 ** 53 - 1 })]),
    );
    expect(sectionsOf(...uses)[0]).toMatchObject({ bytes: 2 ** 53 - 1, entries: 2 ** 53 - 1 });
  });

  test('are special if they are in one file', () => {
    const uses = [false, true, false].map((special) => inventory([section('__x', { special })]));
    expect(sectionsOf(...uses)[0]?.special).toBe(true);
  });

  test('are known only if they are in every file', () => {
    const uses = [true, false, true].map((known) => inventory([section('__x', { known })]));
    expect(sectionsOf(...uses)[0]?.known).toBe(false);
  });

  test('are sorted by name', () => {
    const names = ['b', 'a', 'B', '__proto__', 'é'];
    expect(sectionsOf(inventory(names.map((name) => section(name)))).map(({ name }) => name)).toEqual([
      'B',
      '__proto__',
      'a',
      'b',
      'é',
    ]);
  });
});

describe('relocations', () => {
  const uses: readonly RelocationUse[] = [
    { section: '.text', type: 2, count: 3 },
    { section: '.data', type: 1, count: 1 },
    { section: '.data', type: 2, count: 4 },
  ];

  test('are added up by type, with the files that use it', () => {
    expect(countsOf(inventory([], uses), inventory([], uses.slice(0, 1))).relocations).toEqual([
      { type: 1, name: 'R_TOY_64', count: 1, modules: 1 },
      { type: 2, name: 'R_TOY_PC32', count: 10, modules: 2 },
    ]);
  });

  test('are added up by section and type', () => {
    expect(countsOf(inventory([], uses), inventory([], uses.slice(0, 1))).relocationsBySection).toEqual([
      { section: '.data', type: 1, count: 1 },
      { section: '.data', type: 2, count: 4 },
      { section: '.text', type: 2, count: 6 },
    ]);
  });

  test('of a type without a name are called unknown', () => {
    expect(countsOf(inventory([], [{ section: '.text', type: 77, count: 1 }])).relocations[0]?.name).toBe(
      'unknown(77)',
    );
  });
});

/** What a census calls type 9 after others that call it so were added. */
function nameOf(...names: readonly string[]): string | undefined {
  const sums = new Accumulator();
  for (const name of names)
    sums.addCounts({ ...nothing, relocations: [{ type: 9, name, count: 1, modules: 1 }] });
  return sums.counts().relocations[0]?.name;
}

describe('of two names for one type', () => {
  test('the known one counts, in whatever order they come', () => {
    expect([nameOf('unknown(9)', 'R_TOY_9'), nameOf('R_TOY_9', 'unknown(9)')]).toEqual([
      'R_TOY_9',
      'R_TOY_9',
    ]);
  });

  test('the first in the alphabet counts if both are known', () => {
    expect([nameOf('R_B', 'R_A'), nameOf('R_A', 'R_B')]).toEqual(['R_A', 'R_A']);
  });
});

describe('failures', () => {
  test('are sorted by file, code and message', () => {
    const failures = ['b/1/y', 'a/2/y', 'a/1/z', 'a/1/y'].map((text) => {
      const [file = '', code = '', message = ''] = text.split('/');
      return { file, code, message };
    });
    const sums = new Accumulator();
    for (const failure of failures) sums.addFailure(failure);
    expect(sums.counts().failed).toEqual(failures.toReversed());
  });

  test('may be as many as there are files', () => {
    const failed = Array.from({ length: 300_000 }, () => ({
      file: 'a.ko',
      code: 'elf/truncated',
      message: 'cut',
    }));
    const sums = new Accumulator();
    sums.addCounts({ ...nothing, failed });
    expect(sums.counts().failed).toHaveLength(300_000);
  });
});

test('adding counts is adding what was counted', () => {
  const parts = [
    inventory(
      [section('.text'), section('__x', { entries: 3, special: true, known: true })],
      [{ section: '.text', type: 1, count: 2 }],
    ),
    inventory([section('.text')], [{ section: '.text', type: 1, count: 5 }], true),
  ];
  const sums = new Accumulator();
  for (const part of parts) sums.addCounts(countsOf(part));
  expect(sums.counts()).toEqual(countsOf(...parts));
});

test.each([
  ['a', 'b', -1],
  ['b', 'a', 1],
  ['a', 'a', 0],
  ['Z', 'a', -1],
  ['a', 'é', -1],
  ['', 'a', -1],
])('%j and %j compare as %d', (a, b, order) => {
  expect(compareText(a, b)).toBe(order);
});
