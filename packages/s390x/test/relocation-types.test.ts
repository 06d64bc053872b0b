import {
  applyRelocation,
  clearRelocation,
  parseKernel,
  relocationRule,
  type AppliedRule,
  type Letters,
  type RelocationInput,
  type RelocationOutcome,
  type RelocationRule,
} from '@kelp/core';
import { assert, bigInt, constantFrom, oneof, property, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { s390x } from '../src/index.ts';

const releases = ['5.10.223', '6.1.176', '6.12.107', '7.2.13', '7.3-rc7'];

/** The module is loaded at 0x3ff80004000; its GOT and PLT come first. */
const place = 0x3ff_8000_4100n;
const got = 0x3ff_8000_4000n;
const plt = 0x3ff_8000_4018n;

function ruleOf(name: string): RelocationRule {
  const type = s390x.relocationTypes.find((one) => one.name === name);
  const rule = type === undefined ? undefined : relocationRule(type, parseKernel('6.12.107'));
  if (rule === undefined) throw new Error(`no rule for ${name}`);
  return rule;
}

function inputOf(before: string, letters: Partial<Letters>): RelocationInput {
  return {
    bytes: Uint8Array.from(Buffer.from(before.replaceAll(' ', ''), 'hex')),
    offset: 0,
    letters: { A: 0n, P: place, S: 0n, ...letters },
    symbol: { name: 'target', external: true },
    byteOrder: s390x.elf.byteOrder,
  };
}

function apply(
  name: string,
  before: string,
  letters: Partial<Letters>,
): RelocationOutcome & { bytes: string } {
  const input = inputOf(before, letters);
  const outcome = applyRelocation(ruleOf(name), input);
  return { ...outcome, bytes: Buffer.from(input.bytes).toString('hex') };
}

/** What a field's container held before. */
function containerOf(bytes: Uint8Array, { field }: AppliedRule): bigint {
  return bytes.slice(0, field.size).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

describe('fields', () => {
  // What stands around a displacement is kept: d is the base register, 58 and 04 are opcode bytes.
  test.each([
    ['R_390_8', 'aa', { S: 0x10n, A: 0x2n }, '12'],
    ['R_390_12', 'd000', { S: 0xabcn }, 'dabc'],
    ['R_390_12', 'dfff', { S: 0x1n }, 'd001'],
    ['R_390_16', 'aaaa', { S: 0x1234n }, '1234'],
    ['R_390_20', 'd0000058', { S: 0x12345n }, 'd3451258'],
    ['R_390_20', 'dfffff04', { S: -1n }, 'dfffff04'],
    ['R_390_20', 'd0000004', { S: 0x1000n, A: -0x80000n }, 'd0008104'],
    ['R_390_32', 'aaaaaaaa', { S: 0x89ab_cdefn }, '89abcdef'],
    ['R_390_64', 'aaaaaaaaaaaaaaaa', { S: 0x0123_4567_89ab_cdefn }, '0123456789abcdef'],
    ['R_390_64', '0000000000000000', { S: 0n, A: -1n }, 'ffffffffffffffff'],
    ['R_390_PC16', '0000', { S: place - 2n }, 'fffe'],
    ['R_390_PC16DBL', '0000', { S: place - 2n, A: 2n }, '0000'],
    ['R_390_PC16DBL', 'aaaa', { S: place + 0x100n, A: 2n }, '0081'],
    ['R_390_PC32', '00000000', { S: place + 0x1234n }, '00001234'],
    ['R_390_PC32DBL', 'aaaaaaaa', { S: place - 0x102n, A: 2n }, 'ffffff80'],
    ['R_390_PC64', '0000000000000000', { S: place - 1n }, 'ffffffffffffffff'],
  ])('%s: %s becomes %s', (name, before, letters, after) => {
    expect(apply(name, before, letters)).toMatchObject({ status: 'applied', bytes: after });
  });
});

describe('GOT and PLT', () => {
  test.each([
    ['R_390_GOT12', 'd000', { O: 0x10n, A: 0x8n }, 'd018'],
    ['R_390_GOT16', '0000', { O: 0x10n, A: 0n }, '0010'],
    ['R_390_GOT20', 'd0000004', { O: 0x10n, A: -0x20n }, 'dff0ff04'],
    ['R_390_GOT32', '00000000', { O: 0x10n }, '00000010'],
    ['R_390_GOT64', '0000000000000000', { O: 0x10n }, '0000000000000010'],
    // 0x3ff80004000 + 0x10 + 2 - 0x3ff80004100 is -0xee.
    ['R_390_GOTENT', 'aaaaaaaa', { G: got, O: 0x10n, A: 2n }, 'ffffff89'],
    ['R_390_GOTPLTENT', 'aaaaaaaa', { G: got, O: 0x10n, A: 2n }, 'ffffff89'],
    ['R_390_GOTPLT12', 'd000', { O: 0x10n }, 'd010'],
    ['R_390_GOTPLT16', '0000', { O: 0x10n }, '0010'],
    ['R_390_GOTPLT20', 'd0000004', { O: 0x10n }, 'd0100004'],
    ['R_390_GOTPLT32', '00000000', { O: 0x10n }, '00000010'],
    ['R_390_GOTPLT64', '0000000000000000', { O: 0x10n }, '0000000000000010'],
    ['R_390_GOTOFF16', '0000', { G: got, S: got + 0x1234n }, '1234'],
    ['R_390_GOTOFF32', '00000000', { G: got, S: got + 0x1234n }, '00001234'],
    ['R_390_GOTOFF64', '0000000000000000', { G: got, S: got - 1n }, 'ffffffffffffffff'],
    ['R_390_GOTPC', '00000000', { G: got, A: 2n }, 'ffffff02'],
    ['R_390_GOTPCDBL', '00000000', { G: got, A: 2n }, 'ffffff81'],
    ['R_390_PLT16DBL', '0000', { D: place + 0xfffcn, A: 2n }, '7fff'],
    ['R_390_PLT16DBL', '0000', { D: plt, A: 2n }, 'ff8d'],
    ['R_390_PLT32DBL', '00000000', { D: plt, A: 2n }, 'ffffff8d'],
    ['R_390_PLT32', '00000000', { L: place + 0x18n }, '00000018'],
    ['R_390_PLT64', '0000000000000000', { L: plt }, 'ffffffffffffff18'],
    ['R_390_PLTOFF16', '0000', { G: got, L: plt }, '0018'],
    ['R_390_PLTOFF32', '00000000', { G: got, L: plt, A: 2n }, '0000001a'],
    ['R_390_PLTOFF64', '0000000000000000', { G: got, L: plt }, '0000000000000018'],
  ])('%s: %s becomes %s', (name, before, letters, after) => {
    expect(apply(name, before, letters)).toMatchObject({ status: 'applied', bytes: after });
  });

  test('the GOT itself is reached whatever the symbol is', () => {
    const letters = { G: got, A: 2n };
    expect(apply('R_390_GOTPCDBL', '00000000', { ...letters, S: 0x1234n })).toEqual(
      apply('R_390_GOTPCDBL', '00000000', letters),
    );
  });

  test('a letter without a value is an error, not zero', () => {
    expect(() => apply('R_390_GOTENT', '00000000', { G: got })).toThrow(/needs a value for O/u);
  });
});

describe('checks', () => {
  test.each([
    ['R_390_8', 0xffn, 0x100n],
    ['R_390_8', 0n, -1n],
    ['R_390_12', 0xfffn, 0x1000n],
    ['R_390_12', 0n, -1n],
    ['R_390_16', 0xffffn, 0x1_0000n],
    ['R_390_20', 0x7ffffn, 0x80000n],
    ['R_390_20', -0x80000n, -0x80001n],
    ['R_390_32', 0xffff_ffffn, 0x1_0000_0000n],
    ['R_390_32', 0n, -1n],
    ['R_390_PC16', place + 0x7fffn, place + 0x8000n],
    ['R_390_PC16', place - 0x8000n, place - 0x8001n],
    ['R_390_PC16DBL', place + 0xfffen, place + 0x1_0000n],
    ['R_390_PC16DBL', place - 0x1_0000n, place - 0x1_0002n],
    ['R_390_PC32', place + 0x7fff_ffffn, place + 0x8000_0000n],
    ['R_390_PC32', place - 0x8000_0000n, place - 0x8000_0001n],
    ['R_390_PC32DBL', place + 0xffff_fffen, place + 0x1_0000_0000n],
    ['R_390_PC32DBL', place - 0x1_0000_0000n, place - 0x1_0000_0002n],
  ])('%s: last value that fits, first that does not', (name, fits, tooFar) => {
    const before = '5a5a5a5a5a5a5a5a';
    expect(apply(name, before, { S: fits })).toMatchObject({ status: 'applied' });
    const refused = { status: 'refused', errno: 'ENOEXEC', written: false, bytes: before };
    expect(apply(name, before, { S: tooFar })).toMatchObject(refused);
  });

  test.each(['R_390_PC16DBL', 'R_390_PC32DBL'])('%s: alignment is tested before the range', (name) => {
    const near = apply(name, '00000000', { S: place + 1n });
    expect(near).toMatchObject({ status: 'refused', errno: 'ENOEXEC', bytes: '00000000' });
    const far = apply(name, '00000000', { S: place + 0x2_0000_0001n });
    expect(far).toMatchObject({ status: 'refused', reason: 'value 0x200000001 is not a multiple of 2' });
  });

  test.each([
    ['R_390_PLT32', { L: plt }],
    ['R_390_GOTOFF32', { G: got, S: got - 1n }],
    ['R_390_GOTOFF16', { G: got, S: got - 1n }],
    ['R_390_PLTOFF16', { G: got, L: got - 1n }],
    ['R_390_PLTOFF32', { G: got, L: got - 1n }],
    ['R_390_GOT12', { O: 0x10n, A: -0x11n }],
  ])('%s: a negative value is refused, because the check is unsigned', (name, letters) => {
    expect(apply(name, '00000000', letters)).toMatchObject({ status: 'refused', errno: 'ENOEXEC' });
  });

  test('PLT16DBL: what the loader takes for in reach may still be too far', () => {
    // It compares S - P with 0x1efffe, the field holds 0xfffe.
    const direct = place + 0x1_effen;
    expect(apply('R_390_PLT16DBL', '0000', { D: direct, A: 2n })).toMatchObject({ status: 'refused' });
    expect(apply('R_390_PLT16DBL', '0000', { D: plt, A: 2n })).toMatchObject({ status: 'applied' });
  });
});

describe('the table', () => {
  test('holds every number from 0 to 65 once', () => {
    const numbers = s390x.relocationTypes.map(({ number }) => number).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 66 }, (_, number) => number));
    expect(s390x.relocationType(66)).toBeUndefined();
  });

  test.each(releases)('is the same in %s', (release) => {
    const kernel = parseKernel(release);
    const verdicts = s390x.relocationTypes.map((type) => relocationRule(type, kernel)?.verdict);
    expect(verdicts.filter((verdict) => verdict === 'ignored')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'applied')).toHaveLength(35);
    expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(30);
  });

  test('ignores R_390_NONE', () => {
    expect(apply('R_390_NONE', '12345678', { S: 1n })).toEqual({ status: 'ignored', bytes: '12345678' });
  });

  test.each([
    'R_390_COPY',
    'R_390_GLOB_DAT',
    'R_390_JMP_SLOT',
    'R_390_RELATIVE',
    'R_390_TLS_IE64',
    'R_390_PC24DBL',
  ])('refuses %s with ENOEXEC', (name) => {
    const outcome = apply(name, '00000000', { S: 1n });
    expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', bytes: '00000000' });
  });

  test('says of each type with a slot or a PLT entry that it writes one', () => {
    const linked = s390x.relocationTypes.filter(({ rules }) =>
      rules.some(
        (rule) => rule.verdict === 'applied' && rule.formula.letters.some((letter) => 'OLD'.includes(letter)),
      ),
    );
    expect(linked).toHaveLength(19);
    expect(linked.flatMap(({ rules }) => rules).filter(({ note }) => note === undefined)).toEqual([]);
  });
});

describe('applying and clearing', () => {
  const applied = s390x.relocationTypes.flatMap(({ name, rules }) =>
    rules.flatMap((rule) => (rule.verdict === 'applied' ? [[name, rule] as const] : [])),
  );

  test.each(applied)('%s: clearing takes back what applying wrote, and nothing else', (_name, rule) => {
    const container = uint8Array({ minLength: 8, maxLength: 8 });
    const base = constantFrom(0n, got);
    const distance = oneof(bigInt(-0x40n, 0x40n), bigInt(-0x1_0000n, 0x1_0000n));
    const statuses = new Set<string>();
    assert(
      property(container, base, distance, (before, start, far) => {
        const target = start + far;
        const letters = { S: target, A: 2n, P: start, G: start, O: far, L: target, D: target };
        const input: RelocationInput = { ...inputOf('', letters), bytes: before.slice() };
        const { status } = applyRelocation(rule, input);
        statuses.add(status);
        const cleared =
          status === 'applied' ? clearRelocation(rule, input, containerOf(before, rule)) : undefined;
        expect(cleared?.status).toBe(status === 'applied' ? 'cleared' : undefined);
        expect(input.bytes).toEqual(before);
      }),
    );
    expect(statuses).toContain('applied');
  });

  test('a field that holds something else is left alone', () => {
    const input = inputOf('00001235', { S: place + 0x1234n });
    expect(clearRelocation(ruleOf('R_390_PC32'), input)).toEqual({
      status: 'mismatch',
      expected: 0x1234n,
      actual: 0x1235n,
    });
    expect(Buffer.from(input.bytes).toString('hex')).toBe('00001235');
  });
});
