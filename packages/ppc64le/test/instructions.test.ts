import { describe, expect, test } from 'vitest';
import {
  branchTarget,
  encodeBranch,
  ha,
  isBranchAndLink,
  isPrefix,
  isRelativeBranch,
  isRelativeLinkBranch,
  lo,
  translateBranch,
} from '../src/instructions.ts';

const place = 0xc008_0000_0075_0000n;

describe('a branch', () => {
  test.each([
    [0x10n, false, 0x4800_0010],
    [-0x10n, false, 0x4bff_fff0],
    [0x10n, true, 0x4800_0011],
    [0x1ff_fffcn, false, 0x49ff_fffc],
    [-0x200_0000n, false, 0x4a00_0000],
  ])('over %s bytes, link %s', (distance, link, word) => {
    expect(encodeBranch(place, place + distance, link)).toBe(word);
  });

  test.each([0x200_0000n, -0x200_0004n, 2n])('over %s bytes has no encoding', (distance) => {
    expect(encodeBranch(place, place + distance, false)).toBeUndefined();
  });

  test('the call of an out-of-line sequence, as in the memory of a 7.3 kernel', () => {
    expect(encodeBranch(0xc008_0000_0079_1ae4n, 0xc008_0000_0079_1a88n, true)).toBe(0x4bff_ffa5);
  });

  test.each([
    [0x4800_0010, 0x10n],
    [0x4bff_fff0, -0x10n],
    [0x4082_0008, 8n],
    [0x4082_fff8, -8n],
  ])('0x%s goes %s bytes away', (word, distance) => {
    expect(branchTarget(word, place)).toBe(place + distance);
  });

  test.each([
    // b, bl, bne, bnel
    [0x4800_0010, true, false],
    [0x4800_0011, true, true],
    [0x4082_0008, true, false],
    [0x4082_0009, true, true],
    // ba, bctr, nop
    [0x4800_0012, false, false],
    [0x4e80_0420, false, false],
    [0x6000_0000, false, false],
  ])('0x%s: relative %s, with link %s', (word, relative, link) => {
    expect([isRelativeBranch(word), isRelativeLinkBranch(word)]).toEqual([relative, link]);
  });

  test.each([
    [0x4800_0001, true],
    [0x4bff_ffa5, true],
    [0x4800_0000, false],
    [0x4800_0003, false],
    [0x4082_0009, false],
  ])('0x%s is bl: %s', (word, expected) => expect(isBranchAndLink(word)).toBe(expected));
});

describe('a branch that moves', () => {
  test.each([
    // bl, bne: the distance grows by what the instruction moves back.
    [0x4800_0011, 0x100n, 0x4800_0111],
    [0x4082_0008, 0x100n, 0x4082_0108],
    [0x4082_fff8, -0x10n, 0x4082_ffe8],
    [0x4182_0009, 0x100n, 0x4182_0109],
  ])('0x%s over %s bytes keeps its target and its condition', (word, distance, moved) => {
    expect(translateBranch(word, place, place - distance)).toBe(moved);
  });

  test('has no encoding out of reach', () => {
    expect(translateBranch(0x4800_0010, place, place - 0x200_0000n)).toBeUndefined();
    expect(translateBranch(0x4082_0008, place, place - 0x8000n)).toBeUndefined();
  });
});

test('halves of a distance', () => {
  // From a 6.1 kernel: addis r11,r2,-3; addi r11,r11,-328.
  expect([
    ha(0xc008_0000_010e_86b8n - 0xc008_0000_0111_8800n),
    lo(0xc008_0000_010e_86b8n - 0xc008_0000_0111_8800n),
  ]).toEqual([0xfffd, 0xfeb8]);
});

test('a prefix has primary opcode 1', () => {
  expect([isPrefix(0x0610_0000), isPrefix(0x6000_0000)]).toEqual([true, false]);
});
