import { kernelSort, parseKernel } from '@kelp/core';
import { array, assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';

/** Sort pairs by their first member; returns the pairs in their new order. */
function sorted(
  release: string,
  pairs: readonly (readonly [key: number, label: string])[],
): readonly string[] {
  const table = [...pairs];
  const at = (index: number): readonly [number, string] => table[index] ?? [0, ''];
  kernelSort(
    {
      count: table.length,
      compare: (a, b) => at(a)[0] - at(b)[0],
      swap: (a, b) => {
        [table[a], table[b]] = [at(b), at(a)];
      },
    },
    parseKernel(release),
  );
  return table.map(([key, label]) => `${key}${label}`);
}

describe.each(['6.1', '6.12'])('kernelSort of %s', (release) => {
  test('sorts', () => {
    assert(
      property(array(integer({ min: 0, max: 30 })), (keys) => {
        const result = sorted(
          release,
          keys.map((key) => [key, '']),
        );
        expect(result).toEqual(keys.toSorted((a, b) => a - b).map(String));
      }),
    );
  });

  test('is not stable', () => {
    const equal = ['a', 'b', 'c', 'd', 'e'].map((label) => [1, label] as const);
    expect(sorted(release, equal)).not.toEqual(equal.map(([key, label]) => `${key}${label}`));
  });
});

test('the order of equal elements differs by version', () => {
  const equal = ['a', 'b', 'c', 'd', 'e', 'f'].map((label) => [1, label] as const);
  expect(sorted('6.1', equal)).not.toEqual(sorted('6.12', equal));
});
