import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RangeIndex } from '../src/range-index.ts';

const range = fc
  .record({ start: fc.bigInt({ min: 0n, max: 200n }), size: fc.bigInt({ min: 0n, max: 40n }) })
  .map(({ start, size }) => ({ start, end: start + size }));

function indexOf(ranges: readonly { start: bigint; end: bigint }[]): RangeIndex {
  return new RangeIndex(
    BigUint64Array.from(ranges, ({ start }) => start),
    BigUint64Array.from(ranges, ({ end }) => end),
  );
}

test('finds a range that holds the address, one that starts last', () => {
  fc.assert(
    fc.property(fc.array(range), fc.bigInt({ min: 0n, max: 250n }), (ranges, address) => {
      const holding = ranges.filter(({ start, end }) => start <= address && address < end);
      const found = indexOf(ranges).find(address);
      const last = holding.map(({ start }) => start).reduce((a, b) => (a > b ? a : b), -1n);
      expect(found === undefined ? -1n : ranges[found]?.start).toBe(last);
    }),
  );
});

test('finds the range of the largest number', () => {
  fc.assert(
    fc.property(fc.array(range), fc.bigInt({ min: 0n, max: 250n }), (ranges, address) => {
      const last = ranges.findLastIndex(({ start, end }) => start <= address && address < end);
      expect(indexOf(ranges).findLatest(address)).toBe(last < 0 ? undefined : last);
    }),
  );
});

test('tells where the next range starts', () => {
  fc.assert(
    fc.property(fc.array(range), fc.bigInt({ min: 0n, max: 250n }), (ranges, address) => {
      const behind = ranges.map(({ start }) => start).filter((start) => start > address);
      const next = behind.length === 0 ? undefined : behind.reduce((a, b) => (a < b ? a : b));
      expect(indexOf(ranges).nextStart(address)).toBe(next);
    }),
  );
});
