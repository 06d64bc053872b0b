import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  absolute32,
  bitFields,
  characters,
  entryRelative64,
  padding,
  pcRelative32,
  pcRelative64,
  pointer,
  s16,
  s32,
  s8,
  u16,
  u32,
  u64,
  u8,
  type EntryField,
  type EntryLayout,
} from '../src/entry-layout.ts';
import { countEntries, decodeEntries, type EntrySource, type Pointer } from '../src/entry.ts';
import type { ByteOrder } from '../src/field.ts';

type Relocations = Readonly<Record<number, { readonly symbol: number; readonly addend: bigint }>>;

function sourceOf(
  bytes: readonly number[],
  byteOrder: ByteOrder = 'little',
  relocations: Relocations = {},
): EntrySource {
  return { bytes: Uint8Array.from(bytes), byteOrder, relocationAt: (offset) => relocations[offset] };
}

/** The value of a field that stands alone in an entry of 12 bytes, four bytes in. */
function decoded(
  field: EntryField,
  bytes: readonly number[],
  byteOrder?: ByteOrder,
  relocations?: Relocations,
): unknown {
  const layout: EntryLayout = { size: 12, fields: { field }, structure: 'struct entry' };
  const [entry] = decodeEntries(layout, sourceOf([0xee, 0xee, 0xee, 0xee, ...bytes], byteOrder, relocations));
  return entry?.['field'];
}

const eight = [0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8];

describe('a number is read in the byte order of the file', () => {
  test.each([
    ['u8', u8(4), 0xf1, 0xf1],
    ['s8', s8(4), -15, -15],
    ['u16', u16(4), 0xf2f1, 0xf1f2],
    ['s16', s16(4), -0x0d0f, -0x0e0e],
    ['u32', u32(4), 0xf4f3_f2f1, 0xf1f2_f3f4],
    ['s32', s32(4), -0x0b0c_0d0f, -0x0e0d_0c0c],
    ['u64', u64(4), 0xf8f7_f6f5_f4f3_f2f1n, 0xf1f2_f3f4_f5f6_f7f8n],
    ['bit-fields of 2 bytes', bitFields(4, 2), 0xf2f1, 0xf1f2],
    ['bit-fields of 8 bytes', bitFields(4, 8), 0xf8f7_f6f5_f4f3_f2f1n, 0xf1f2_f3f4_f5f6_f7f8n],
  ])('%s', (_name, field, little, big) => {
    expect([decoded(field, eight, 'little'), decoded(field, eight, 'big')]).toEqual([little, big]);
  });
});

test('characters are the bytes themselves', () => {
  expect(decoded(characters(4, 3), [0x61, 0x62, 0, 0xff, 0, 0, 0, 0])).toEqual(Uint8Array.of(0x61, 0x62, 0));
});

test('padding has no value', () => {
  expect(decoded(padding(4, 8), eight)).toBeUndefined();
});

describe('a pointer', () => {
  test.each([
    ['pcRelative32', pcRelative32(4)],
    ['pcRelative64', pcRelative64(4)],
    ['pointer', pointer(4)],
    ['absolute32', absolute32(4)],
  ])('%s is what its relocation says, not its bytes', (_name, field) => {
    expect(decoded(field, eight, 'little', { 4: { symbol: 7, addend: -8n } })).toEqual({
      symbol: 7,
      addend: -8n,
      flags: 0,
    });
  });

  test('relative to the entry has an addend that is its own offset too large', () => {
    expect(decoded(entryRelative64(4), eight, 'little', { 4: { symbol: 7, addend: 0x14n } })).toEqual({
      symbol: 7,
      addend: 0x10n,
      flags: 0,
    });
  });

  test.each([
    ['pcRelative32', pcRelative32(4), -0x0b0c_0d0fn, -0x0e0d_0c0cn],
    ['pcRelative64', pcRelative64(4), -0x0708_090a_0b0c_0d0fn, -0x0e0d_0c0b_0a09_0808n],
    ['entryRelative64', entryRelative64(4), -0x0708_090a_0b0c_0d0fn, -0x0e0d_0c0b_0a09_0808n],
  ])('%s without a relocation is what its bytes say, signed', (_name, field, little, big) => {
    expect([decoded(field, eight, 'little'), decoded(field, eight, 'big')]).toEqual([
      { symbol: 0, addend: little, flags: 0 },
      { symbol: 0, addend: big, flags: 0 },
    ]);
  });

  test('keeps its flag bits apart from the address', () => {
    const field = pcRelative64(4, { flags: 3 });
    expect(decoded(field, eight, 'little', { 4: { symbol: 7, addend: 0x1003n } })).toEqual({
      symbol: 7,
      addend: 0x1000n,
      flags: 3,
    });
  });

  test('keeps the flag bits of a negative addend apart', () => {
    const field = pointer(4, { flags: 1 });
    expect(decoded(field, eight, 'little', { 4: { symbol: 7, addend: -3n } })).toEqual({
      symbol: 7,
      addend: -4n,
      flags: 1,
    });
  });

  test('relative to the entry loses its offset before its flag bits', () => {
    const field = entryRelative64(4, { flags: 3 });
    expect(decoded(field, eight, 'little', { 4: { symbol: 7, addend: 0x15n } })).toEqual({
      symbol: 7,
      addend: 0x10n,
      flags: 1,
    });
  });
});

describe('decodeEntries', () => {
  const layout = {
    size: 8,
    fields: { code: pcRelative32(0), kind: u16(4), length: s8(6), rest: padding(7, 1) },
    structure: 'struct entry',
  } as const satisfies EntryLayout;

  test('gives the entries in file order', () => {
    const bytes = [0, 0, 0, 0, 1, 0, 0xff, 0, 0, 0, 0, 0, 2, 0, 0xfe, 0];
    const relocations = { 0: { symbol: 1, addend: 0n }, 8: { symbol: 2, addend: 16n } };
    expect([...decodeEntries(layout, sourceOf(bytes, 'little', relocations))]).toEqual([
      { code: { symbol: 1, addend: 0n, flags: 0 }, kind: 1, length: -1, rest: undefined },
      { code: { symbol: 2, addend: 16n, flags: 0 }, kind: 2, length: -2, rest: undefined },
    ]);
  });

  test('gives none of an empty section', () => {
    expect([...decodeEntries(layout, sourceOf([]))]).toEqual([]);
  });

  test('does not read bytes behind the last whole entry', () => {
    expect([...decodeEntries(layout, sourceOf(Array.from({ length: 15 }, () => 0)))]).toHaveLength(1);
  });

  test('reads a last entry that is shorter than the others', () => {
    const shorter = { ...layout, lastSize: 7 };
    expect([...decodeEntries(shorter, sourceOf([...eight, 0, 0, 0, 0, 3, 0, 9]))].at(-1)).toMatchObject({
      kind: 3,
      length: 9,
    });
  });

  test('makes as many entries as countEntries counts', () => {
    const shorter = { ...layout, lastSize: 4 };
    for (const size of [0, 4, 8, 12, 16, 20]) {
      const entries = [...decodeEntries(shorter, sourceOf(Array.from({ length: size }, () => 0)))];
      expect([size, entries.length]).toEqual([size, countEntries(shorter, size)]);
    }
  });

  test('types an entry by its layout', () => {
    const [entry] = decodeEntries(layout, sourceOf(eight));
    expectTypeOf(entry).toEqualTypeOf<
      | {
          readonly code: Pointer;
          readonly kind: number;
          readonly length: number;
          readonly rest: undefined;
        }
      | undefined
    >();
  });
});

describe('countEntries', () => {
  test.each([
    [0, 0],
    [8, 1],
    [24, 3],
    [1, undefined],
    [12, undefined],
  ])('entries of 8 bytes in %d bytes: %s', (size, count) => {
    expect(countEntries({ size: 8 }, size)).toBe(count);
  });

  test.each([
    [12, 1],
    [28, 2],
    [32, 2],
    [20, undefined],
  ])('entries of 16 bytes, the last one 12, in %d bytes: %s', (size, count) => {
    expect(countEntries({ size: 16, lastSize: 12 }, size)).toBe(count);
  });
});
