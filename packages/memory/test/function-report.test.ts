import { expect, test } from 'vitest';
import { groupByFunction } from '../src/function-report.ts';
import { loadToy, memoryWith } from './memory-of.ts';

const loaded = loadToy();

test('sums bytes by the cause that wrote last, and leaves out functions that are as in the file', () => {
  expect(groupByFunction(loaded, memoryWith(loaded))).toEqual([
    // The first byte of the pointer is in the file what it becomes: it is not written.
    {
      name: 'first',
      address: 0x10000n,
      bytes: 16,
      causes: new Map([
        ['seal', 1],
        ['relocation', 7],
      ]),
      unexplained: 0,
    },
  ]);
});

test('lists a function with nothing but an unexplained byte', () => {
  const functions = groupByFunction(loaded, memoryWith(loaded, 0x10014n));
  expect(functions.map(({ name, unexplained }) => [name, unexplained])).toEqual([
    ['first', 0],
    ['second', 1],
  ]);
});

test('does not take memory that is not there for unexplained', () => {
  const functions = groupByFunction(loaded, () => undefined);
  expect(functions.map(({ unexplained }) => unexplained)).toEqual([0]);
});
