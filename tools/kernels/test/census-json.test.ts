import { describe, expect, test } from 'vitest';
import { parseCensus } from '../src/census-json.ts';
import { summarize } from '../src/summary.ts';

const S390X = {
  modules: 2,
  failed: [],
  relocations: [{ type: 22, name: 'R_390_64', count: 7, modules: 2 }],
  sections: [
    { name: '.text', modules: 2, bytes: 64, entries: null, special: false, known: false },
    { name: '__strange', modules: 1, bytes: 8, entries: null, special: true, known: false },
  ],
  relocationsBySection: [{ section: '.data', type: 22, count: 7 }],
};

function census(s390x: object): ReturnType<typeof parseCensus> {
  return parseCensus(JSON.stringify({ schema: 1, architectures: { s390x } }));
}

describe('reading a census', () => {
  test('numbers by architecture', () => {
    expect(census(S390X).get('s390x')?.relocationsBySection).toEqual([
      { section: '.data', type: 22, count: 7 },
    ]);
  });

  test.each([
    ['a missing list', { ...S390X, sections: undefined }, 'sections'],
    ['a count that is no integer', { ...S390X, modules: 1.5 }, 'modules'],
    ['a text for a number', { ...S390X, relocations: [{ type: '22', count: 1, modules: 1 }] }, 'type'],
  ])('%s is refused', (_, s390x, field) => {
    expect(() => census(s390x)).toThrow(field);
  });

  test('a list in place of an object is refused', () => {
    expect(() => parseCensus('{"architectures":[]}')).toThrow('architectures');
  });
});

describe('the summary of one kernel', () => {
  test('a complete census has no faults and lists unknown special sections', () => {
    const summary = summarize(census(S390X), 2);
    expect(summary).toMatchObject({ modules: 2, relocations: 7, sections: 2, faults: [] });
    expect(summary.unexplained).toEqual(['__strange']);
  });

  test('a module that is missing from the census is a fault', () => {
    expect(summarize(census(S390X), 3).faults).toHaveLength(1);
  });

  test('a failed file and an unnamed relocation type are faults', () => {
    const failed = [{ file: 'a.ko', code: 'elf/truncated', message: 'short' }];
    const relocations = [{ type: 99, name: null, count: 1, modules: 1 }];
    const summary = summarize(census({ ...S390X, failed, relocations }), 2);
    expect(summary.faults).toEqual(['a.ko: elf/truncated: short', '1 relocations of unknown type 99']);
  });
});
