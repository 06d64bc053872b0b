import { expect, test } from 'vitest';
import { earliestYears } from '../src/fix-years.ts';

test('a bug is of the latest year that a bug with a lower number proves, or of its own if that is later', () => {
  const known = new Map([
    ['bsc20', '2019'],
    ['bsc30', '2018'],
    ['bsc50', '2021'],
  ]);
  expect([...earliestYears(['bsc50', 'bsc10', 'bsc30', 'bsc40', 'bsc20', 'bsc60', 'bsc60'], known)]).toEqual([
    ['bsc20', '2019'],
    ['bsc30', '2019'],
    ['bsc40', '2019'],
    ['bsc50', '2021'],
    ['bsc60', '2021'],
  ]);
});
