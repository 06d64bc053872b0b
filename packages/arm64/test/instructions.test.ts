import { describe, expect, test } from 'vitest';
import {
  adrpDistance,
  branchDistance,
  encodeAdd,
  encodeAdrp,
  encodeBranch,
  insertAdrImmediate,
  instructionBytes,
  instructionWords,
  isAdr,
  isAdrp,
  isBranch,
  isBti,
  usesLiteral,
  withBranchDistance,
} from '../src/instructions.ts';
import { jumpLabel } from '../src/jump-label.ts';
import { testImage, toWords } from './test-image.ts';

describe('bytes', () => {
  test('are little-endian', () => {
    expect([...instructionBytes([0xd503_201f])]).toEqual([0x1f, 0x20, 0x03, 0xd5]);
    expect(instructionWords(Uint8Array.of(0x1f, 0x20, 0x03, 0xd5, 1, 0, 0, 0x80))).toEqual([
      0xd503_201f, 0x8000_0001,
    ]);
  });
});

// Encodings as GNU as writes them.
describe('encoders', () => {
  test.each([
    ['b .+8', 0x1000n, 0x1008n, 0x1400_0002],
    ['b .-4', 0x1000n, 0xffcn, 0x17ff_ffff],
    ['b .-128M', 0x1000_0000n, 0x800_0000n, 0x1600_0000],
    ['b .+128M-4', 0x1000n, 0x800_0ffcn, 0x15ff_ffff],
    ['b .+128M is out of reach', 0x1000n, 0x800_1000n, 0xd420_2000],
    ['b .-128M-4 is out of reach', 0x1000_0000n, 0x7ff_fffcn, 0xd420_2000],
    ['an unaligned target', 0x1000n, 0x1002n, 0xd420_2000],
    ['an unaligned place', 0x1001n, 0x1008n, 0xd420_2000],
    ['kernel addresses', 0xffff_8000_0801_0000n, 0xffff_8000_0801_0100n, 0x1400_0040],
  ])('%s', (_name, place, target, word) => {
    expect(encodeBranch(place, target)).toBe(word);
  });

  test.each([
    ['adrp x16, the same page', 0x1abcn, 0x1004n, 16, 0x9000_0010],
    ['adrp x0, the next page', 0x1abcn, 0x2000n, 0, 0xb000_0000],
    ['adrp x1, the page before', 0x1abcn, 0xfffn, 1, 0xf0ff_ffe1],
    ['adrp x16, 4 GiB before', 0x1_0000_0000n, 0n, 16, 0x9080_0010],
    ['adrp x16, 4 GiB behind', 0n, 0x1_0000_0000n, 16, 0xd420_2000],
    ['4 GiB and one byte before', 0x1_0000_1000n, 0xfffn, 16, 0xd420_2000],
    // The distance in pages is cut to 32 bits before it is tested.
    ['16 TiB behind', 0n, 0x1000_0000_1000n, 16, 0xb000_0010],
  ])('%s', (_name, place, target, register, word) => {
    expect(encodeAdrp(place, target, register)).toBe(word);
  });

  test('add x16, x16, #0xfff', () => {
    expect(encodeAdd(16, 16, 0xfff)).toBe(0x913f_fe10);
    expect(encodeAdd(3, 5, 0)).toBe(0x9100_00a3);
  });

  test('the immediate of ADR and ADRP', () => {
    expect(insertAdrImmediate(0x1000_0005, 1)).toBe(0x3000_0005);
    expect(insertAdrImmediate(0xf0ff_ffe1, 0)).toBe(0x9000_0001);
    expect(insertAdrImmediate(0x9000_0001, -1)).toBe(0xf0ff_ffe1);
    expect(adrpDistance(0xb000_0000)).toBe(0x1000n);
    expect(adrpDistance(0xf0ff_ffe1)).toBe(-0x1000n);
  });
});

describe('decoders', () => {
  test.each([
    ['b .+8', 0x1400_0002, 8],
    ['bl .-4', 0x97ff_ffff, -4],
    ['cbz x0, .+8', 0xb400_0040, 8],
    ['cbnz w1, .-8', 0x35ff_ffc1, -8],
    ['b.eq .+1M-4', 0x547f_ffe0, 0xf_fffc],
    ['tbz x0, #32, .-32K', 0xb604_0000, -0x8000],
    ['tbnz w0, #0, .+4', 0x3700_0020, 4],
    ['ret', 0xd65f_03c0, undefined],
    ['br x16', 0xd61f_0200, undefined],
    ['nop', 0xd503_201f, undefined],
  ])('%s', (_name, word, distance) => {
    expect(branchDistance(word)).toBe(distance);
    expect(withBranchDistance(word, distance ?? 8)).toBe(word);
  });

  test('another distance keeps the rest of the instruction', () => {
    expect(withBranchDistance(0x97ff_ffff, 8)).toBe(0x9400_0002);
    expect(withBranchDistance(0x35ff_ffc1, 4)).toBe(0x3500_0021);
    expect(withBranchDistance(0xb604_0000, -4)).toBe(0xb607_ffe0);
    expect(withBranchDistance(0xd503_201f, 8)).toBe(0xd503_201f);
  });

  test('kinds', () => {
    expect([0x9000_0010, 0xf0ff_ffe1, 0x1000_0000].map(isAdrp)).toEqual([true, true, false]);
    expect([0x1000_0000, 0x9000_0000].map(isAdr)).toEqual([true, false]);
    expect([0x1400_0002, 0x17ff_ffff, 0x9400_0002].map(isBranch)).toEqual([true, true, false]);
    // BTI, BTI C, BTI J, BTI JC; NOP, PACIASP
    const hints = [0xd503_241f, 0xd503_245f, 0xd503_249f, 0xd503_24df, 0xd503_201f, 0xd503_233f];
    expect(hints.map(isBti)).toEqual([true, true, true, true, false, false]);
    // LDR X0, LDR W0, LDRSW X0, PRFM, ADR; LDR X0, [X0]
    const loads = [0x5800_0040, 0x1800_0040, 0x9800_0040, 0xd800_0040, 0x1000_0040, 0xf940_0000];
    expect(loads.map(usesLiteral)).toEqual([true, true, true, true, true, false]);
  });
});

describe('jump labels', () => {
  const site = { code: 0x1000n, target: 0x1040n, key: 0x9000n, branch: false };
  const image = testImage({ sections: [] });

  test('are B or NOP', () => {
    expect(toWords(jumpLabel.encode(image, site, true))).toBe('14000010');
    expect(toWords(jumpLabel.encode(image, site, false))).toBe('d503201f');
  });

  test('become BRK where the target is out of reach', () => {
    expect(toWords(jumpLabel.encode(image, { ...site, target: 0x1000_0000n }, true))).toBe('d4202000');
  });
});
