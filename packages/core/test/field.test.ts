import { describe, expect, test } from 'vitest';
import {
  bits,
  extractValue,
  fieldMask,
  insertValue,
  readContainer,
  whole,
  writeContainer,
  type Field,
} from '../src/field.ts';

/** Two runs of bits, stored in the wrong order, with bits between them that belong to somebody else. */
const split: Field = {
  size: 4,
  shift: 0,
  parts: [
    { at: 29, width: 2, from: 0 },
    { at: 5, width: 19, from: 2 },
  ],
};

describe('readContainer', () => {
  const bytes = Uint8Array.of(0xaa, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xf8, 0xbb);

  test.each([
    [1, 0x01n],
    [2, 0x0201n],
    [4, 0x0403_0201n],
    [8, 0xf807_0605_0403_0201n],
  ])('reads %d little-endian bytes', (size, value) => {
    expect(readContainer(bytes, 1, size, 'little')).toBe(value);
  });

  test.each([
    [1, 0x01n],
    [2, 0x0102n],
    [4, 0x0102_0304n],
    [8, 0x0102_0304_0506_07f8n],
  ])('reads %d big-endian bytes', (size, value) => {
    expect(readContainer(bytes, 1, size, 'big')).toBe(value);
  });
});

function written(size: number, order: 'little' | 'big', value: bigint): readonly number[] {
  const bytes = new Uint8Array(6).fill(0xee);
  writeContainer(bytes, 1, size, order, value);
  return [...bytes];
}

describe('writeContainer', () => {
  test('writes little-endian and nothing beside the container', () => {
    expect(written(4, 'little', 0x0102_0304n)).toEqual([0xee, 4, 3, 2, 1, 0xee]);
  });

  test('writes big-endian and nothing beside the container', () => {
    expect(written(4, 'big', 0x0102_0304n)).toEqual([0xee, 1, 2, 3, 4, 0xee]);
  });

  test('drops the bits above the container', () => {
    expect(written(2, 'big', 0x12_3456n)).toEqual([0xee, 0x34, 0x56, 0xee, 0xee, 0xee]);
  });

  test('writes negative numbers as two’s complement', () => {
    expect(written(2, 'little', -2n)).toEqual([0xee, 0xfe, 0xff, 0xee, 0xee, 0xee]);
  });
});

describe('a field', () => {
  test.each([
    ['a whole container of 4 bytes', whole(4), 0xffff_ffffn],
    ['a whole container of 8 bytes', whole(8), 0xffff_ffff_ffff_ffffn],
    ['a run of bits', bits(4, 2, 24), 0x03ff_fffcn],
    ['two runs of bits', split, 0x60ff_ffe0n],
  ])('covers the bits of %s', (_what, field, mask) => {
    expect(fieldMask(field)).toBe(mask);
  });

  test('takes the bits of the value in the order of its parts', () => {
    expect(insertValue(split, 0n, 0b101n)).toBe((0b01n << 29n) | (1n << 5n));
  });

  test('keeps every other bit of the container', () => {
    expect(insertValue(bits(4, 8, 16), 0xaabb_ccddn, 0x1122n)).toBe(0xaa11_22ddn);
  });

  test('drops the bits of the value that it has no room for', () => {
    expect(insertValue(bits(2, 0, 12), 0xf000n, 0x1_2345n)).toBe(0xf345n);
  });

  test('stores a negative value as two’s complement', () => {
    expect(insertValue(whole(2), 0n, -2n)).toBe(0xfffen);
  });

  test('reads its parts back in order', () => {
    expect(extractValue(split, (0b01n << 29n) | (1n << 5n))).toBe(0b101n);
  });
});
