import { describe, expect, test } from 'vitest';
import { compileFormula, type Letters } from '../src/formula.ts';

const letters: Letters = {
  S: 0xffff_ffff_c012_3457n,
  A: -4n,
  P: 0xffff_ffff_c000_0100n,
  G: 0x20n,
  TOC: 0x8000n,
};

function value(text: string, more: Record<string, bigint> = {}): bigint {
  return compileFormula(text).evaluate({ ...letters, ...more });
}

describe('a formula', () => {
  test('adds and subtracts from left to right', () => {
    expect(value('S + A - P')).toBe(0x12_3353n);
  });

  test('obeys parentheses', () => {
    expect([value('16 - 4 - 2'), value('16 - (4 - 2)')]).toEqual([10n, 14n]);
  });

  test('shifts after it has added', () => {
    expect([value('1 + 256 >> 4'), value('1 + (256 >> 4)')]).toEqual([16n, 17n]);
  });

  test('masks after it has shifted', () => {
    expect([value('0xff & 0x120 >> 4'), value('(0xff & 0x120) >> 4')]).toEqual([0x12n, 2n]);
  });

  test('masks after it has added', () => {
    expect([value('3 & 1 + 1'), value('(3 & 1) + 1')]).toEqual([2n, 2n]);
    expect([value('5 & 3 + 1'), value('(5 & 3) + 1')]).toEqual([4n, 2n]);
  });

  test('shifts from left to right', () => {
    expect(value('256 >> 4 >> 2')).toBe(4n);
  });

  test('shifts arithmetically', () => {
    expect(value('A >> 1')).toBe(-2n);
  });

  test('wraps to 64 bits before it shifts', () => {
    expect(value('S + S >> 4', { S: 2n ** 63n })).toBe(0n);
  });

  test('gives a signed number of 64 bits', () => {
    expect(value('S')).toBe(-0x3fed_cba9n);
  });

  test('reads numbers in decimal and hexadecimal', () => {
    expect(value('0x8000 + 10')).toBe(0x800an);
  });

  test('needs no spaces', () => {
    expect(value('(S+A-P)>>1')).toBe(0x9_19a9n);
  });

  test('may use letters of more than one character', () => {
    expect(value('S + A - TOC', { S: 0x9000n })).toBe(0xffcn);
  });
});

describe('the functions', () => {
  test.each([
    ['Page(S)', 0x1fffn, 0x1000n],
    ['Page(S)', 0xffff_ffff_ffff_ffffn, -0x1000n],
    ['Page(S + 1)', 0x1fffn, 0x2000n],
    ['lo(S)', 0x1234_8765n, 0x8765n],
    ['lo(S)', -1n, 0xffffn],
    ['ha(S)', 0x1234_7fffn, 0x1234n],
    ['ha(S)', 0x1234_8000n, 0x1235n],
    ['ha(S)', 0xffff_8000n, 0n],
    ['Page(S) - Page(lo(S))', 0x1_2345n, 0x1_0000n],
  ])('%s of %d is %d', (text, S, expected) => {
    expect(value(text, { S })).toBe(expected);
  });
});

test('a formula keeps its text', () => {
  expect(compileFormula('S  + A').text).toBe('S  + A');
});

test('a formula names its letters once, in order of appearance, functions left out', () => {
  expect(compileFormula('Page(S + A) - Page(P) + A').letters).toEqual(['S', 'A', 'P']);
});

test('a letter without a value is an error', () => {
  expect(() => value('L + A')).toThrow(expect.objectContaining({ code: 'relocation/missing-letter' }));
});

test.each([
  ['', 'its end'],
  ['S +', 'its end'],
  ['(S', 'its end'],
  ['S A', '"A"'],
  ['S + + A', '"+"'],
  ['-S', '"-"'],
  ['S)', '")"'],
  ['()', '")"'],
  ['S * A', '"*"'],
  ['S << 2', '"<"'],
  ['S > 2', '">"'],
  ['0xFF', '"xFF"'],
  ['high(S)', '"high"'],
  ['lo(S', 'its end'],
])('%j is refused at %s', (text, where) => {
  expect(() => compileFormula(text)).toThrow(
    expect.objectContaining({
      code: 'relocation/formula',
      message: `formula ${JSON.stringify(text)} is wrong at ${where}`,
    }),
  );
});
