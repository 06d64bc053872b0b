import { describe, expect, test } from 'vitest';
import {
  absolute32,
  bitFields,
  characters,
  entryRelative64,
  isPointer,
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
} from '../src/entry-layout.ts';

describe('a field constructor gives kind, offset and size', () => {
  test.each([
    ['pcRelative32', pcRelative32(4), 'pc-relative', 4],
    ['pcRelative64', pcRelative64(4), 'pc-relative', 8],
    ['entryRelative64', entryRelative64(4), 'entry-relative', 8],
    ['pointer', pointer(4), 'absolute', 8],
    ['absolute32', absolute32(4), 'absolute', 4],
    ['u8', u8(4), 'unsigned', 1],
    ['u16', u16(4), 'unsigned', 2],
    ['u32', u32(4), 'unsigned', 4],
    ['u64', u64(4), 'unsigned', 8],
    ['s8', s8(4), 'signed', 1],
    ['s16', s16(4), 'signed', 2],
    ['s32', s32(4), 'signed', 4],
    ['bitFields', bitFields(4, 2), 'bits', 2],
    ['characters', characters(4, 16), 'characters', 16],
    ['padding', padding(4, 6), 'padding', 6],
  ])('%s', (_name, field, kind, size) => {
    expect(field).toEqual({ kind, offset: 4, size });
  });
});

test.each([pcRelative32, pcRelative64, entryRelative64, pointer, absolute32])(
  'a pointer may be optional and hold flags: %o',
  (constructor) => {
    expect(constructor(0, { optional: true, flags: 3 })).toMatchObject({ optional: true, flags: 3 });
  },
);

describe('isPointer', () => {
  test.each([pcRelative32(0), pcRelative64(0), entryRelative64(0), pointer(0), absolute32(0)])(
    'holds where a relocation fills the field: %o',
    (field) => {
      expect(isPointer(field)).toBe(true);
    },
  );

  test.each([u8(0), u64(0), s32(0), bitFields(0, 4), characters(0, 8), padding(0, 8)])(
    'does not hold for %o',
    (field) => {
      expect(isPointer(field)).toBe(false);
    },
  );
});
