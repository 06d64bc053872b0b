import { describe, expect, test } from 'vitest';
import { spread } from '../src/statistics.ts';
import { censusTotals, disagreements, walkTotals } from '../src/totals.ts';

const WALK = `files 2
sections 9
bytes 640
entries 12
counted 10
checksum 1209980803134
type 2 7
type 4 3
`;

const CENSUS = new Map([
  [
    'x86',
    {
      modules: 2,
      failed: [],
      relocations: [
        { type: 4, name: 'R_X86_64_PLT32', count: 3, modules: 2 },
        { type: 2, name: 'R_X86_64_PC32', count: 7, modules: 2 },
      ],
      sections: [
        { name: '.text', modules: 2, bytes: 600, entries: undefined, special: false, known: false },
        { name: '.data', modules: 1, bytes: 40, entries: undefined, special: false, known: false },
      ],
      relocationsBySection: [],
    },
  ],
]);

describe('totals', () => {
  test('the C program and the scan agree', () => {
    expect(walkTotals(WALK).relocations).toBe(10);
    expect(disagreements(walkTotals(WALK), censusTotals(CENSUS))).toEqual([]);
  });

  test('what differs is named', () => {
    const walk = walkTotals(WALK.replace('type 4 3', 'type 5 3').replace('files 2', 'files 3'));
    expect(disagreements(walk, censusTotals(CENSUS))).toEqual([
      'files: C program 3, scan 2',
      'relocations of type 5: C program 3, scan 0',
      'relocations of type 4: C program 0, scan 3',
    ]);
  });

  test('output without a total is an error', () => {
    expect(() => walkTotals('files 2\n')).toThrow('bytes');
  });
});

describe('spread', () => {
  test.each([
    [[3], 3, 3, 3],
    [[5, 1, 3], 1, 3, 5],
    [[4, 1, 2, 10], 1, 3, 10],
  ])('of %j', (numbers, min, median, max) => {
    expect(spread(numbers)).toEqual({ min, median, max });
  });

  test('of nothing is an error', () => {
    expect(() => spread([])).toThrow('no measurements');
  });
});
