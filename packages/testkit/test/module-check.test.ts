import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { checkModule, type ModuleResult } from '../src/index.ts';
import { toy, toyModule, type ToySection } from './toy-architecture.ts';

function check(release: string, ...sections: readonly ToySection[]): readonly ModuleResult[] {
  return checkModule(toy, parseKernel(release), toyModule(sections));
}

const text = (...types: readonly number[]): ToySection => ({
  name: '.text',
  bytes: new Uint8Array(8 * types.length),
  relocations: types.map((type, index) => ({ offset: 8 * index, type })),
});

describe('relocation types', () => {
  test('that the kernel accepts are recognized, each once', () => {
    expect(check('6.1', text(1, 0, 1))).toEqual([
      { feature: 'relocation/R_TOY_32', check: 'recognized', contradiction: undefined },
      { feature: 'relocation/R_TOY_NONE', check: 'recognized', contradiction: undefined },
    ]);
  });

  test.each([
    ['refused', 3, 'R_TOY_COPY'],
    ['without a rule for this kernel', 4, 'R_TOY_NEW'],
  ])('%s contradict the table', (_what, type, name) => {
    const contradiction = 'a module of this kernel uses a type that the table says is refused';
    expect(check('6.1', text(type))).toEqual([
      { feature: `relocation/${name}`, check: 'recognized', contradiction },
    ]);
  });

  test('that no row knows give no result', () => {
    expect(check('6.1', text(99))).toEqual([]);
  });

  test('in sections that are not loaded do not count', () => {
    expect(check('6.1', { ...text(3), name: '.debug_info', allocated: false })).toEqual([]);
  });
});

/** A section of entries whose code and target fields have relocations. */
function sites(size: number, offsets: readonly number[], symbol = 1): ToySection {
  const relocations = offsets.map((offset) => ({ offset, type: 1, symbol }));
  return { name: '__sites', bytes: new Uint8Array(size), relocations };
}

const sectionResults = (release: string, section: ToySection): readonly ModuleResult[] =>
  check(release, section).filter(({ feature }) => feature.startsWith('section/'));

const recognized = { feature: 'section/__sites', check: 'recognized', contradiction: undefined };
const decoded = (contradiction: string | undefined): object => ({
  feature: 'section/__sites',
  check: 'decoded',
  contradiction,
});

describe('sections', () => {
  test.each([
    ['6.1', sites(8, [0, 4])],
    ['6.12', sites(24, [0, 4, 12, 16])],
  ])('whose entries fit the layout of %s are decoded', (release, section) => {
    expect(sectionResults(release, section)).toEqual([recognized, decoded(undefined)]);
  });

  test('without an entry layout are recognized only', () => {
    const note = { name: '.note.toy', bytes: new Uint8Array(16) };
    expect(check('6.1', note)).toEqual([
      { feature: 'section/.note.toy', check: 'recognized', contradiction: undefined },
    ]);
  });

  test('without bytes are recognized only', () => {
    expect(sectionResults('6.12', sites(0, []))).toEqual([recognized]);
  });

  test('that no row knows give no result', () => {
    expect(check('6.1', { name: '.data', bytes: new Uint8Array(8) })).toEqual([]);
  });

  test('of a size that no layout has contradict the table', () => {
    expect(sectionResults('6.12', sites(13, [0, 4]))).toEqual([
      recognized,
      decoded('no layout of the row fits 13 bytes'),
    ]);
  });

  test('whose pointers have no relocation contradict the table', () => {
    expect(sectionResults('6.12', sites(24, [0, 4, 12]))).toEqual([
      recognized,
      decoded('no layout of the row fits 24 bytes'),
    ]);
  });

  test('in the layout of another kernel contradict the table', () => {
    const contradiction = 'the bytes fit the layout of another kernel, 4 bytes an entry';
    expect(sectionResults('6.12', sites(8, [0, 4]))).toEqual([recognized, decoded(contradiction)]);
  });

  test('that point to a symbol behind the symbol table contradict the table', () => {
    const contradiction = 'field code names a symbol that is not in the symbol table';
    expect(sectionResults('6.1', sites(8, [0, 4], 2))).toEqual([recognized, decoded(contradiction)]);
  });
});
