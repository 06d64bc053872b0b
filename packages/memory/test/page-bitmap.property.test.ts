import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PageBitmap } from '../src/page-bitmap.ts';

/** Bits in runs, as in a dump, where whole bytes are alike. */
const bits = fc
  .array(fc.record({ set: fc.boolean(), count: fc.integer({ min: 1, max: 700 }) }), { maxLength: 12 })
  .map((runs) => runs.flatMap(({ set, count }) => Array.from({ length: count }, () => set)));

function bitmapOf(frames: readonly boolean[]): PageBitmap {
  const bytes = new Uint8Array(Math.ceil(frames.length / 8) + 3);
  for (const [frame, set] of frames.entries())
    if (set) bytes[frame >> 3] = (bytes[frame >> 3] ?? 0) | (1 << (frame & 7));
  return new PageBitmap(bytes, frames.length);
}

test('tells every bit and how many are set before it', () => {
  fc.assert(
    fc.property(bits, (frames) => {
      const bitmap = bitmapOf(frames);
      const counted = frames.map((_, frame) => frames.slice(0, frame).filter(Boolean).length);
      expect(frames.map((_, frame) => bitmap.has(frame))).toEqual(frames);
      expect(frames.map((_, frame) => bitmap.rank(frame))).toEqual(counted);
      expect(bitmap.has(frames.length)).toBe(false);
    }),
  );
});

test('runs are the set bits', () => {
  fc.assert(
    fc.property(bits, (frames) => {
      const again = Array.from({ length: frames.length }, () => false);
      const runs = bitmapOf(frames).runs();
      for (const { first, count } of runs) again.fill(true, first, first + count);
      expect(again).toEqual(frames);
      // Neighboring runs are one.
      for (const [number, { first }] of runs.entries()) {
        const { first: start, count } = runs[number - 1] ?? { first: -1, count: 0 };
        expect(first).toBeGreaterThan(start + count);
      }
    }),
  );
});
