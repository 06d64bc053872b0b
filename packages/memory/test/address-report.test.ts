import { expect, test } from 'vitest';
import { explainAddress } from '../src/address-report.ts';
import { loadToy, memoryWith } from './memory-of.ts';

const loaded = loadToy();

test('file, prediction and memory of the 16 bytes around a place', () => {
  const place = explainAddress(loaded, memoryWith(loaded, 0x10009n), 0x10009n);
  expect(place).toMatchObject({ section: '.text', offset: 9, start: 0x10000n, writes: ['relocation'] });
  expect(place?.file).toEqual(Uint8Array.from({ length: 16 }, (_, index) => index));
  // .data is at 0x20000: S + A in little endian.
  expect([...(place?.predicted.subarray(8) ?? [])]).toEqual([8, 7, 8, 5, 4, 3, 2, 1]);
  expect(place?.memory?.[9]).toBe(0xff ^ 7);
});

test('a place that nothing wrote to, at the end of a section', () => {
  const place = explainAddress(loaded, memoryWith(loaded), 0x1002fn);
  expect(place).toMatchObject({ offset: 47, start: 0x10020n, writes: [] });
  expect(place?.predicted).toHaveLength(16);
});

test('memory that is not there', () => {
  expect(explainAddress(loaded, () => undefined, 0x10000n)?.memory).toBeUndefined();
});

test.each([0xffffn, 0x10030n, 0x50000n])(
  '0x%s is no place of the module after its init function',
  (address) => {
    expect(explainAddress(loaded, memoryWith(loaded), address)).toBeUndefined();
  },
);
