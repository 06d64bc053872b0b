import { describe, expect, test } from 'vitest';
import { FileView } from '../../src/elf/file-view.ts';

const bytes = Uint8Array.of(0xee, 0x81, 2, 3, 4, 5, 6, 7, 0x88);

test.each([
  ['little', 0x0281, 0x0403_0281, 0x8807_0605_0403_0281n, -0x77f8_f9fa_fbfc_fd7fn],
  ['big', 0x8102, 0x8102_0304, 0x8102_0304_0506_0788n, -0x7efd_fcfb_faf9_f878n],
] as const)('numbers are read in %s-endian order', (order, u16, u32, u64, s64) => {
  const view = new FileView(bytes, order, undefined);
  expect([view.u16(1), view.u32(1), view.u64(1), view.s64(1)]).toEqual([u16, u32, u64, s64]);
});

test('offsets count from the start of a part of a larger buffer', () => {
  expect(new FileView(bytes.subarray(3), 'big', undefined).u16(0)).toBe(0x0304);
});

function sizeOf(value: bigint, order: 'little' | 'big' = 'little'): number {
  const eight = new DataView(new ArrayBuffer(8));
  eight.setBigUint64(0, value, order === 'little');
  return new FileView(new Uint8Array(eight.buffer), order, 'a.ko').size(0);
}

describe('a size', () => {
  test.each([0n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n - 1n])('is exact for %d', (value) => {
    expect([sizeOf(value), sizeOf(value, 'big')]).toEqual([Number(value), Number(value)]);
  });

  test.each([2n ** 53n, 2n ** 60n, 2n ** 64n - 1n])('of %d is refused', (value) => {
    for (const order of ['little', 'big'] as const) {
      expect(() => sizeOf(value, order)).toThrow(
        expect.objectContaining({ code: 'elf/too-large', file: 'a.ko', offset: 0 }),
      );
    }
  });
});

test('what is taken out of a Buffer can be changed without changing the file', () => {
  const file = Buffer.from([1, 2, 3, 4]);
  const taken = new FileView(file, 'little', undefined).bytes.slice(1, 3);
  taken.fill(0);
  expect([...file]).toEqual([1, 2, 3, 4]);
});
