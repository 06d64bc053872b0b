import { describe, expect, test } from 'vitest';
import { whole } from '../src/field.ts';
import { parseKernel } from '../src/kernel.ts';
import {
  aligned,
  ignored,
  range,
  refused,
  relocationRule,
  relocationTable,
  signed,
  unsigned,
  write,
  type RelocationType,
} from '../src/relocation-type.ts';

const source = { file: 'arch/toy/kernel/module.c', symbol: 'apply_relocate_add' };
const other = { file: 'arch/toy/kernel/module-plts.c', symbol: 'plt_entry' };

function rowOf(...row: Parameters<typeof relocationTable>[1][number]): RelocationType | undefined {
  return relocationTable(source, [row])[0];
}

describe('relocationTable', () => {
  test('keeps number and name', () => {
    expect(rowOf(7, 'R_TOY_7', ignored)).toMatchObject({ number: 7, name: 'R_TOY_7' });
  });

  test('keeps the order of the rows', () => {
    const table = relocationTable(source, [
      [9, 'R_TOY_9', ignored],
      [2, 'R_TOY_2', ignored],
    ]);
    expect(table.map(({ number }) => number)).toEqual([9, 2]);
  });

  test('compiles the formula of a rule, which is then applied', () => {
    const [rule] = rowOf(1, 'R_TOY_64', { formula: 'S + A', field: whole(8), steps: [write] })?.rules ?? [];
    expect(rule).toMatchObject({ verdict: 'applied', formula: { text: 'S + A', letters: ['S', 'A'] } });
  });

  test('gives every rule the source of the table', () => {
    expect(rowOf(0, 'R_TOY_NONE', ignored)?.rules[0]?.source).toBe(source);
  });

  test('leaves a rule its own source', () => {
    expect(rowOf(0, 'R_TOY_NONE', { ...ignored, source: other })?.rules[0]?.source).toBe(other);
  });

  test('refuses a type with ENOEXEC', () => {
    expect(rowOf(4, 'R_TOY_COPY', refused)?.rules[0]).toMatchObject({ verdict: 'refused', errno: 'ENOEXEC' });
  });

  test('may hold a type without rules', () => {
    expect(rowOf(8, 'R_TOY_8')?.rules).toEqual([]);
  });

  test('refuses a formula that cannot be read', () => {
    expect(() => rowOf(1, 'R_TOY_64', { formula: 'S +', field: whole(8), steps: [write] })).toThrow(
      expect.objectContaining({ code: 'relocation/formula' }),
    );
  });
});

describe('relocationRule', () => {
  const type = rowOf(
    1,
    'R_TOY_64',
    { applies: [{ before: '6.1' }], ...refused },
    { applies: [{ since: '6.1', before: '6.3', config: { NEW: true } }], ...ignored },
    { applies: [{ since: '6.3' }], formula: 'S', field: whole(8), steps: [write] },
  );
  const verdict = (release: string, configuration?: ReadonlyMap<string, string>): string | undefined =>
    type === undefined ? undefined : relocationRule(type, parseKernel(release, configuration))?.verdict;

  test.each([
    ['6.0.9', 'refused'],
    ['6.1', undefined],
    ['6.3', 'applied'],
    ['7.3-rc7', 'applied'],
  ])('in %s the rule is %s', (release, expected) => {
    expect(verdict(release)).toBe(expected);
  });

  test('the configuration decides as well', () => {
    expect(verdict('6.1', new Map([['NEW', 'y']]))).toBe('ignored');
  });
});

describe('a check', () => {
  test('of a signed width has two’s complement limits', () => {
    expect(signed(16)).toMatchObject({ kind: 'range', min: -0x8000n, max: 0x7fffn });
  });

  test('of an unsigned width starts at zero', () => {
    expect(unsigned(16)).toMatchObject({ kind: 'range', min: 0n, max: 0xffffn });
  });

  test('of a range has the limits it was given', () => {
    expect(range(-0x8000n, 0xffffn)).toMatchObject({ min: -0x8000n, max: 0xffffn });
  });

  test.each([signed(8), unsigned(8), range(0n, 1n), aligned(4)])('refuses with ENOEXEC: %o', (step) => {
    expect(step).toHaveProperty('errno', 'ENOEXEC');
  });
});
