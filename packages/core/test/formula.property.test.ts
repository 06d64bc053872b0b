import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFormula } from '../src/formula.ts';

/** A formula as text, and its value as it follows from the tree the text was written from, not from the text. */
interface Sample {
  readonly text: string;
  readonly value: bigint;
}

const S = 0xc008_0000_0123_4567n;
const A = -0x7654n;
const P = 0xc008_0000_0fed_cba8n;
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** What binds tighter is written without parentheses, everything else with them. */
const { sample } = fc.letrec<Record<'sample' | 'leaf' | 'sum' | 'shift' | 'mask' | 'page', Sample>>(
  (tie) => ({
    leaf: fc.oneof(
      fc.constantFrom({ text: 'S', value: S }, { text: 'A', value: A }, { text: 'P', value: P }),
      fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => ({ text: String(value), value })),
      fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => ({ text: `0x${value.toString(16)}`, value })),
      tie('sample').map(({ text, value }) => ({ text: `(${text})`, value })),
      tie('page'),
    ),
    page: tie('sample').map(({ text, value }) => ({
      text: `Page(${text})`,
      value: value - (((value % 4096n) + 4096n) % 4096n),
    })),
    sum: fc
      .tuple(tie('leaf'), fc.array(fc.tuple(fc.constantFrom('+', '-'), tie('leaf')), { maxLength: 3 }))
      .map(([first, rest]) =>
        rest.reduce(
          (left, [sign, right]) => ({
            text: `${left.text} ${sign} ${right.text}`,
            value: sign === '+' ? left.value + right.value : left.value - right.value,
          }),
          first,
        ),
      ),
    shift: fc
      .tuple(tie('sum'), fc.option(fc.integer({ min: 0, max: 64 }), { nil: undefined }))
      .map(([left, by]) =>
        by === undefined
          ? left
          : {
              text: `${left.text} >> ${by}`,
              value: signed(left.value) / 2n ** BigInt(by) - floorFix(left.value, by),
            },
      ),
    mask: fc.array(tie('shift'), { minLength: 1, maxLength: 3 }).map((parts): Sample => ({
      text: parts.map(({ text }) => text).join(' & '),
      value: parts.map(({ value }) => value).reduce((left, right) => left & right),
    })),
    sample: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('mask')),
  }),
);

/** 1 where division rounds up, because it rounds toward zero, and an arithmetic shift rounds down. */
function floorFix(value: bigint, by: number): bigint {
  const wrapped = signed(value);
  return wrapped < 0n && wrapped % 2n ** BigInt(by) !== 0n ? 1n : 0n;
}

test('a formula has the value of the tree it was written from, modulo 2^64', () => {
  fc.assert(
    fc.property(sample, ({ text, value }) => {
      expect(compileFormula(text).evaluate({ S, A, P })).toBe(signed(value));
    }),
  );
});

test('moving symbol and place together does not change a distance', () => {
  const distance = compileFormula('S + A - P');
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (by) => {
      expect(distance.evaluate({ S: S + by, A, P: P + by })).toBe(distance.evaluate({ S, A, P }));
    }),
  );
});

test('text of the right characters either compiles or is refused as a formula', () => {
  const tokens = fc.array(
    fc.constantFrom('S', 'A', '+', '-', '>>', '&', '(', ')', '1', '0x10', 'lo', ' ', '>', '~'),
  );
  fc.assert(
    fc.property(tokens, (parts) => {
      let thrown: unknown;
      try {
        compileFormula(parts.join(' '));
      } catch (error) {
        thrown = error;
      }
      expect(thrown === undefined || (thrown instanceof Error && 'code' in thrown && thrown.code)).toBeOneOf([
        true,
        'relocation/formula',
      ]);
    }),
  );
});
