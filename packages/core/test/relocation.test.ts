import { describe, expect, test } from 'vitest';
import { bits, whole, type ByteOrder, type Field } from '../src/field.ts';
import { applyRelocation, clearRelocation, type RelocationInput } from '../src/relocation.ts';
import {
  aligned,
  existingZero,
  ignored,
  range,
  refused,
  relocationTable,
  signed,
  special,
  unsigned,
  write,
  type RelocationRule,
  type RuleText,
  type Special,
  type Step,
} from '../src/relocation-type.ts';

function ruleOf(text: RuleText): RelocationRule {
  const [rule] = relocationTable({ file: 'module.c' }, [[1, 'R_TOY', text]])[0]?.rules ?? [];
  if (rule === undefined) throw new Error('the table lost its rule');
  return rule;
}

function applied(field: Field, steps: readonly Step[], formula = 'S + A'): RelocationRule {
  return ruleOf({ formula, field, steps });
}

function inputOf(bytes: Uint8Array, value: bigint, more: Partial<RelocationInput> = {}): RelocationInput {
  return {
    bytes,
    offset: 2,
    letters: { S: value, A: 0n, P: 0n },
    symbol: { name: 'printk', external: true },
    byteOrder: 'little',
    ...more,
  };
}

/** Replaces the byte behind the place, if it is 0x90; remembers nothing. */
const nop: Special = {
  name: 'nop',
  description: 'Replaces the nop behind the place.',
  apply({ bytes, offset }) {
    if (bytes[offset + 4] !== 0x90) return { errno: 'EINVAL', reason: 'no nop behind the place' };
    bytes[offset + 4] = 0xcc;
    return undefined;
  },
  clear({ bytes, offset }) {
    bytes[offset + 4] = 0x90;
  },
};

describe('applying', () => {
  test.each<[ByteOrder, readonly number[]]>([
    ['little', [0, 0, 4, 3, 2, 1, 0]],
    ['big', [0, 0, 1, 2, 3, 4, 0]],
  ])('stores the value at the place, %s endian', (byteOrder, expected) => {
    const bytes = new Uint8Array(7);
    applyRelocation(applied(whole(4), [write]), inputOf(bytes, 0x0102_0304n, { byteOrder }));
    expect([...bytes]).toEqual(expected);
  });

  test('reports the value of the formula', () => {
    const rule = applied(whole(4), [write], 'S + A - P');
    const letters = { S: 0x1000n, A: -4n, P: 0x2000n };
    expect(applyRelocation(rule, inputOf(new Uint8Array(8), 0n, { letters }))).toEqual({
      status: 'applied',
      value: -0x1004n,
    });
  });

  test('a field with a byte order of its own ignores that of the architecture', () => {
    const bytes = new Uint8Array(8);
    applyRelocation(
      applied({ ...whole(4), byteOrder: 'little' }, [write]),
      inputOf(bytes, 1n, { byteOrder: 'big' }),
    );
    expect([...bytes.subarray(2, 6)]).toEqual([1, 0, 0, 0]);
  });

  test('shifts the value before it is stored', () => {
    const bytes = new Uint8Array(8);
    applyRelocation(applied(whole(2, 1), [write]), inputOf(bytes, -6n));
    expect([...bytes.subarray(2, 4)]).toEqual([0xfd, 0xff]);
  });

  test('keeps the other bits of the container', () => {
    const bytes = new Uint8Array(8).fill(0xff);
    applyRelocation(applied(bits(4, 2, 24), [write]), inputOf(bytes, 0n));
    expect([...bytes]).toEqual([0xff, 0xff, 0x03, 0, 0, 0xfc, 0xff, 0xff]);
  });

  test('does nothing for an ignored type', () => {
    const bytes = new Uint8Array(8);
    expect(applyRelocation(ruleOf(ignored), inputOf(bytes, 1n))).toEqual({ status: 'ignored' });
    expect(bytes).toEqual(new Uint8Array(8));
  });

  test('refuses a refused type with the errno of its row', () => {
    expect(
      applyRelocation(ruleOf({ verdict: 'refused', errno: 'EINVAL' }), inputOf(new Uint8Array(8), 1n)),
    ).toMatchObject({
      status: 'refused',
      errno: 'EINVAL',
      written: false,
    });
  });

  test('needs a value for every letter', () => {
    expect(() =>
      applyRelocation(applied(whole(4), [write], 'G + A'), inputOf(new Uint8Array(8), 0n)),
    ).toThrow(expect.objectContaining({ code: 'relocation/missing-letter' }));
  });

  test.each([
    ['before the section', -1],
    ['half behind its end', 5],
    ['behind its end', 8],
  ])('refuses a place %s and changes nothing', (_where, offset) => {
    const bytes = new Uint8Array(8);
    expect(applyRelocation(applied(whole(4), [write]), inputOf(bytes, -1n, { offset }))).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      reason: 'the place lies outside its section',
      written: false,
    });
    expect(bytes).toEqual(new Uint8Array(8));
  });

  test('takes a place at the start of the section', () => {
    const outcome = applyRelocation(
      applied(whole(4), [write]),
      inputOf(new Uint8Array(4), 1n, { offset: 0 }),
    );
    expect(outcome.status).toBe('applied');
  });

  test('takes a place that ends with the section', () => {
    expect(
      applyRelocation(applied(whole(4), [write]), inputOf(new Uint8Array(8), 1n, { offset: 4 })).status,
    ).toBe('applied');
  });
});

/** Eight bytes of which one is not zero. */
function withByte(at: number): Uint8Array {
  return new Uint8Array(8).fill(1, at, at + 1);
}

describe('a check', () => {
  test.each([
    ['signed', signed(8), [-129n, 128n], [-128n, 127n]],
    ['unsigned', unsigned(8), [-1n, 256n], [0n, 255n]],
    ['aligned', aligned(4), [-2n, 1n, 6n], [-8n, 0n, 4n]],
  ])('%s refuses what does not fit and nothing else', (_name, step, bad, good) => {
    const statusOf = (value: bigint): string =>
      applyRelocation(applied(whole(4), [step, write]), inputOf(new Uint8Array(8), value)).status;
    expect(bad.map(statusOf)).toEqual(bad.map(() => 'refused'));
    expect(good.map(statusOf)).toEqual(good.map(() => 'applied'));
  });

  test('of the range looks at the shifted value', () => {
    const rule = applied(whole(2, 1), [signed(16), write]);
    const statusOf = (value: bigint): string =>
      applyRelocation(rule, inputOf(new Uint8Array(8), value)).status;
    expect([statusOf(0xffffn), statusOf(0x1_0000n), statusOf(-0x1_0000n), statusOf(-0x1_0001n)]).toEqual([
      'applied',
      'refused',
      'applied',
      'refused',
    ]);
  });

  test('of the range names value and limits', () => {
    expect(
      applyRelocation(applied(whole(4), [signed(16)]), inputOf(new Uint8Array(8), -0x1_0000n)),
    ).toMatchObject({
      reason: 'value -0x10000 is not in -0x8000 to 0x7fff',
    });
  });

  test('of the range names a value of zero without a sign', () => {
    expect(applyRelocation(applied(whole(4), [range(1n, 2n)]), inputOf(new Uint8Array(8), 0n))).toMatchObject(
      { reason: 'value 0x0 is not in 0x1 to 0x2' },
    );
  });

  test('of the alignment names the value and what it must be a multiple of', () => {
    expect(applyRelocation(applied(whole(4), [aligned(4)]), inputOf(new Uint8Array(8), 6n))).toMatchObject({
      reason: 'value 0x6 is not a multiple of 4',
    });
  });

  test('for zero looks at every byte of the container and at no other', () => {
    const rule = applied(bits(4, 0, 8), [existingZero, write]);
    const statuses = [1, 2, 5, 6].map((at) => applyRelocation(rule, inputOf(withByte(at), 1n)).status);
    expect(statuses).toEqual(['applied', 'refused', 'refused', 'applied']);
  });

  test('for zero names what it found', () => {
    const bytes = Uint8Array.of(0, 0, 0x34, 0x12, 0, 0, 0, 0);
    expect(applyRelocation(applied(whole(4), [existingZero]), inputOf(bytes, 1n))).toMatchObject({
      reason: 'the field holds 0x1234, the loader wants zero',
    });
  });
});

describe('the steps', () => {
  test('before the write refuse an untouched field', () => {
    const bytes = new Uint8Array(8);
    const outcome = applyRelocation(
      applied(whole(4), [unsigned(8), existingZero, write]),
      inputOf(bytes, 0x100n),
    );
    expect(outcome).toMatchObject({ status: 'refused', written: false });
    expect(bytes).toEqual(new Uint8Array(8));
  });

  test('between a check and the write refuse an untouched field', () => {
    const outcome = applyRelocation(
      applied(whole(4), [existingZero, unsigned(8), write]),
      inputOf(new Uint8Array(8), 0x100n),
    );
    expect(outcome).toMatchObject({ status: 'refused', written: false });
  });

  test('behind the write refuse a field that has changed', () => {
    const bytes = new Uint8Array(8);
    const outcome = applyRelocation(
      applied(whole(4), [existingZero, write, unsigned(8)]),
      inputOf(bytes, 0x100n),
    );
    expect(outcome).toMatchObject({ status: 'refused', written: true });
    expect([...bytes]).toEqual([0, 0, 0, 1, 0, 0, 0, 0]);
  });

  test('give the errno of the first that refuses', () => {
    const bytes = new Uint8Array(8).fill(1);
    const narrow: Step = { kind: 'range', min: 0n, max: 1n, errno: 'EINVAL' };
    const outcomes = [
      [narrow, existingZero],
      [existingZero, narrow],
    ].map((steps) => applyRelocation(applied(whole(4), steps), inputOf(bytes, 2n)));
    expect(outcomes).toMatchObject([{ errno: 'EINVAL' }, { errno: 'ENOEXEC' }]);
  });

  test('may be special and change bytes beside the field', () => {
    const bytes = Uint8Array.of(0, 0, 0, 0, 0, 0, 0x90, 0);
    applyRelocation(applied(whole(4), [special(nop), write]), inputOf(bytes, 1n));
    expect([...bytes]).toEqual([0, 0, 1, 0, 0, 0, 0xcc, 0]);
  });

  test('may be special and refuse', () => {
    const outcome = applyRelocation(applied(whole(4), [special(nop), write]), inputOf(new Uint8Array(8), 1n));
    expect(outcome).toEqual({
      status: 'refused',
      errno: 'EINVAL',
      reason: 'no nop behind the place',
      written: false,
    });
  });

  test('behind a special one refuse a place that has changed', () => {
    const bytes = Uint8Array.of(0, 0, 0, 0, 0, 0, 0x90, 0);
    const outcome = applyRelocation(applied(whole(4), [special(nop), unsigned(8)]), inputOf(bytes, 256n));
    expect(outcome).toMatchObject({ status: 'refused', written: true });
  });
});

describe('clearing', () => {
  const rule = applied(bits(4, 2, 24), [write]);

  test('puts zero into the bits of the field', () => {
    const bytes = new Uint8Array(8).fill(0xff);
    const input = inputOf(bytes, 0x12_3456n);
    applyRelocation(rule, input);
    expect(clearRelocation(rule, input)).toEqual({ status: 'cleared' });
    expect([...bytes]).toEqual([0xff, 0xff, 0x03, 0, 0, 0xfc, 0xff, 0xff]);
  });

  test('restores the original bits of the field', () => {
    const bytes = Uint8Array.of(0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0);
    const input = inputOf(bytes, 0xabcdn);
    applyRelocation(rule, input);
    clearRelocation(rule, input, 0x4433_2211n);
    expect([...bytes]).toEqual([0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0]);
  });

  test('changes nothing where the field does not hold the value', () => {
    const bytes = Uint8Array.of(0, 0, 9, 0, 0, 0, 0, 0);
    expect(clearRelocation(applied(whole(4), [existingZero, write]), inputOf(bytes, 7n))).toEqual({
      status: 'mismatch',
      expected: 7n,
      actual: 9n,
    });
    expect([...bytes]).toEqual([0, 0, 9, 0, 0, 0, 0, 0]);
  });

  test('compares the bits of the field only', () => {
    const bytes = Uint8Array.of(0, 0, 0x03, 0, 0, 0xfc, 0, 0);
    expect(clearRelocation(rule, inputOf(bytes, 0n)).status).toBe('cleared');
  });

  test('undoes the special steps too', () => {
    const both = applied(whole(4), [special(nop), write]);
    const bytes = Uint8Array.of(0, 0, 0, 0, 0, 0, 0x90, 0);
    const input = inputOf(bytes, 5n);
    applyRelocation(both, input);
    clearRelocation(both, input);
    expect([...bytes]).toEqual([0, 0, 0, 0, 0, 0, 0x90, 0]);
  });

  test.each([undefined, 0x1234n])('tells the special steps the original container %s', (original) => {
    const told: (bigint | undefined)[] = [];
    const step = special({
      name: 'told',
      description: 'Remembers what it is told.',
      apply: () => undefined,
      clear: (_context, container) => void told.push(container),
    });
    clearRelocation(applied(whole(4), [step]), inputOf(new Uint8Array(8), 0n), original);
    expect(told).toEqual([original]);
  });

  test('takes the steps backwards', () => {
    const order: string[] = [];
    const named = (name: string): Step =>
      special({ name, description: name, apply: () => undefined, clear: () => void order.push(name) });
    clearRelocation(applied(whole(4), [named('first'), named('second')]), inputOf(new Uint8Array(8), 0n));
    expect(order).toEqual(['second', 'first']);
  });

  test.each([
    ['ignored', ignored],
    ['refused', refused],
  ])('does nothing for an %s type', (_verdict, text) => {
    const bytes = new Uint8Array(8).fill(1);
    expect(clearRelocation(ruleOf(text), inputOf(bytes, 1n))).toEqual({ status: 'ignored' });
    expect(bytes).toEqual(new Uint8Array(8).fill(1));
  });

  test.each([-1, 5, 8])('refuses a place at %d of 8 bytes, which cannot have been applied', (offset) => {
    const bytes = new Uint8Array(8);
    expect(clearRelocation(applied(whole(4), [write]), inputOf(bytes, 0n, { offset }))).toEqual({
      status: 'refused',
      errno: 'ENOEXEC',
      reason: 'the place lies outside its section',
    });
  });
});
