import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bits, whole, type ByteOrder, type Field } from '../src/field.ts';
import { applyRelocation, clearRelocation, type RelocationInput } from '../src/relocation.ts';
import {
  aligned,
  relocationTable,
  signed,
  unsigned,
  write,
  type RelocationRule,
  type Step,
} from '../src/relocation-type.ts';

const fields = fc.constantFrom<Field>(
  whole(1),
  whole(2),
  whole(4),
  whole(8),
  whole(4, 1),
  bits(4, 2, 24, 2),
  bits(2, 3, 9),
  bits(8, 17, 34, 1),
);
const byteOrders = fc.constantFrom<ByteOrder>('little', 'big');
const values = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -0x200n, max: 0x200n }),
);

function ruleOf(field: Field, steps: readonly Step[]): RelocationRule {
  const [rule] =
    relocationTable({ file: 'module.c' }, [[1, 'R_TOY', { formula: 'S + A', field, steps }]])[0]?.rules ?? [];
  if (rule === undefined) throw new Error('the table lost its rule');
  return rule;
}

function inputOf(bytes: Uint8Array, value: bigint, byteOrder: ByteOrder): RelocationInput {
  return {
    bytes,
    offset: 3,
    letters: { S: value, A: 0n, P: 0n },
    symbol: { name: '', external: true },
    byteOrder,
  };
}

const container = (bytes: Uint8Array, { size }: Field, order: ByteOrder): bigint => {
  const own = bytes.subarray(3, 3 + size);
  const digits = Array.from(order === 'big' ? own : own.toReversed(), (byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  return BigInt(`0x${digits.join('')}`);
};

test('applying, clearing and applying again gives the bytes of applying once', () => {
  fc.assert(
    fc.property(
      fields,
      byteOrders,
      values,
      fc.uint8Array({ minLength: 14, maxLength: 14 }),
      (field, order, value, before) => {
        const rule = ruleOf(field, [write]);
        const bytes = before.slice();
        const input = inputOf(bytes, value, order);
        applyRelocation(rule, input);
        const once = bytes.slice();
        expect(clearRelocation(rule, input, container(before, field, order))).toEqual({ status: 'cleared' });
        expect(bytes).toEqual(before);
        applyRelocation(rule, input);
        expect(bytes).toEqual(once);
      },
    ),
  );
});

test('a field that was changed since is not cleared', () => {
  fc.assert(
    fc.property(
      byteOrders,
      values,
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 1, max: 255 }),
      (order, value, at, flip) => {
        const rule = ruleOf(whole(8), [write]);
        const bytes = new Uint8Array(14);
        const input = inputOf(bytes, value, order);
        applyRelocation(rule, input);
        bytes[3 + at] = (bytes[3 + at] ?? 0) ^ flip;
        const changed = bytes.slice();
        expect(clearRelocation(rule, input).status).toBe('mismatch');
        expect(bytes).toEqual(changed);
      },
    ),
  );
});

test('a value is refused exactly where reading it back at that width would not give it again', () => {
  const check = fc.constantFrom('signed', 'unsigned');
  fc.assert(
    fc.property(check, fc.integer({ min: 1, max: 63 }), values, (kind, width, value) => {
      const step = kind === 'signed' ? signed(width) : unsigned(width);
      const fits = value === (kind === 'signed' ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value));
      const { status } = applyRelocation(
        ruleOf(whole(8), [step, write]),
        inputOf(new Uint8Array(14), value, 'big'),
      );
      expect(status).toBe(fits ? 'applied' : 'refused');
    }),
  );
});

test('a value is aligned exactly where its low bits are zero', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 4, 8, 16, 4096), values, (to, value) => {
      const { status } = applyRelocation(
        ruleOf(whole(8), [aligned(to)]),
        inputOf(new Uint8Array(14), value, 'big'),
      );
      expect(status).toBe((value & BigInt(to - 1)) === 0n ? 'applied' : 'refused');
    }),
  );
});
