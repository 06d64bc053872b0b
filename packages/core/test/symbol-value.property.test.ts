import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bits, whole, type ByteOrder, type Field } from '../src/field.ts';
import type { Linkage } from '../src/linkage.ts';
import { applyRelocation } from '../src/relocation.ts';
import { relocationTable, write, type RelocationRule } from '../src/relocation-type.ts';
import { symbolValue } from '../src/symbol-value.ts';

function ruleOf(formula: string, field: Field): RelocationRule {
  const rows = relocationTable({ file: 'module.c' }, [[1, 'R_TOY', { formula, field, steps: [write] }]]);
  const rule = rows[0]?.rules[0];
  if (rule === undefined) throw new Error('the table lost its rule');
  return rule;
}

const linkage: Linkage = {
  letters: { D: { meaning: 'the symbol or a stub', direct: 'S' }, G: { meaning: 'an entry of the GOT' } },
  plan: () => ({
    sections: new Map(),
    textPrefix: 0,
    order: new Map(),
    link: () => ({ letters: () => ({ kind: 'letters', letters: {} }) }),
  }),
};

const P = 0xffff_ffff_c020_0124n;

/** The value read back from what applying with a value wrote. */
function roundTrip(
  rule: RelocationRule,
  { S, A, byteOrder }: { readonly S: bigint; readonly A: bigint; readonly byteOrder: ByteOrder },
): bigint | undefined {
  const bytes = new Uint8Array(8).fill(0xa5);
  const rest = { bytes, offset: 0, symbol: { name: '', external: true }, byteOrder };
  applyRelocation(rule, { ...rest, letters: { S, A, P, D: S, G: S } });
  return symbolValue(rule, { ...rest, letters: { S: 0n, A, P } }, linkage);
}

/** Addresses of a kernel in the highest 2 GiB, as on x86. */
const nearby = fc
  .bigInt({ min: 0x4080_0000n, max: 0x7f80_0000n })
  .map((half) => 0xffff_ffff_0000_0000n + half * 2n);
const addends = fc.bigInt({ min: -16n, max: 16n }).map((half) => half * 2n);
const byteOrders = fc.constantFrom<ByteOrder>('little', 'big');

describe('the symbol of a relocation, from its field', () => {
  test.each([
    ['S + A', whole(8)],
    ['S + A', whole(4)],
    ['S + A - P', whole(4)],
    ['S + A - P', whole(4, 1)],
    ['D + A - P', whole(4)],
  ])('%s in a field of %o', (formula, field) => {
    const rule = ruleOf(formula, field);
    fc.assert(
      fc.property(nearby, addends, byteOrders, (S, A, byteOrder) => {
        expect(roundTrip(rule, { S, A, byteOrder })).toBe(S);
      }),
    );
  });

  test.each([
    ['a page', ruleOf('Page(S + A) - Page(P)', whole(8))],
    ['an entry of the GOT', ruleOf('G + A - P', whole(4))],
    ['few bits', ruleOf('S + A', whole(2))],
    [
      'a field that does not have the low bits',
      ruleOf('S + A', { size: 4, shift: 0, parts: [{ at: 0, width: 20, from: 12 }] }),
    ],
    ['a small part of an instruction', ruleOf('S + A - P', bits(4, 2, 14, 2))],
  ])('is not told by %s', (_, rule) => {
    expect(roundTrip(rule, { S: P + 0x1000n, A: 2n, byteOrder: 'little' })).toBeUndefined();
  });
});
