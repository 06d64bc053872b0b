import {
  applyRelocation,
  clearRelocation,
  parseKernel,
  relocationRule,
  type Letters,
  type RelocationInput,
  type RelocationRule,
} from '@kelp/core';
import { array, assert, bigInt, integer, pre, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arm64 } from '../src/index.ts';

const kernels = ['5.10.223', '6.1.0-50-arm64', '6.12.107+deb13-arm64', '7.2.13', '7.3-rc7'].map((release) =>
  parseKernel(release),
);
const [oldest = parseKernel('5.10')] = kernels;

function ruleOf(name: string, kernel = oldest): RelocationRule {
  const type = arm64.relocationTypes.find((row) => row.name === name);
  const rule = type === undefined ? undefined : relocationRule(type, kernel);
  if (rule === undefined) throw new Error(`no rule for ${name}`);
  return rule;
}

function inputOf(before: string, letters: Letters): RelocationInput {
  return {
    bytes: Uint8Array.from(Buffer.from(before, 'hex')),
    offset: 0,
    letters,
    symbol: { name: 'target', external: true },
    byteOrder: 'little',
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** S, A, P; D is where GNU ld sends a branch, S + A unless given. */
function lettersOf(S: bigint, A: bigint, P: bigint, D = S + A): Letters {
  return { S, A, P, D };
}

const text = 0xffff_8000_0100_4000n;

/** A symbol value at which the formula is its addend: the place for distances, 0 for addresses. */
function baseOf(rule: RelocationRule): bigint {
  return rule.verdict === 'applied' && rule.formula.letters.includes('P') ? text : 0n;
}

// Bytes in memory order: the instruction 0x94000001 reads 01000094. Results of GNU ld 2.40 for the same values.
describe('fields hold what the linker stores', () => {
  test.each<readonly [name: string, S: bigint, A: bigint, P: bigint, before: string, after: string]>([
    ['R_AARCH64_ABS64', 7n, -8n, 0x40_1004n, '0000000000000000', 'ffffffffffffffff'],
    ['R_AARCH64_ABS32', 0xffff_ffffn, 0n, text, '00000000', 'ffffffff'],
    ['R_AARCH64_ABS32', 0x7fff_f000n, 0x1000n, text + 8n, 'efbeadde', '00000080'],
    ['R_AARCH64_PREL16', text + 0xff9n, 4n, text + 0xffcn, 'a55a', '0100'],
    ['R_AARCH64_PREL16', 0x40_8ffen, 4n, 0x40_1004n, 'a55a', 'fe7f'],
    // movz x0, movn x0, movn w3, movz w1: the opcode follows the sign of the value.
    ['R_AARCH64_MOVW_SABS_G0', -1n, 0n, text, '000080d2', '00008092'],
    ['R_AARCH64_MOVW_SABS_G0', -3n, 4n, text, '00008092', '200080d2'],
    ['R_AARCH64_MOVW_SABS_G0', 0x1_0003n, -4n, text, 'e3ffbf12', 'e3ffbf52'],
    ['R_AARCH64_MOVW_SABS_G1', 0xffff_efffn, 0x1000n, text, 'e1ffbf52', 'e1ffbf52'],
    ['R_AARCH64_MOVW_SABS_G1', -0x1_0000_0004n, 4n, text, '00008092', 'e0ff9f92'],
    ['R_AARCH64_MOVW_PREL_G3', 0x8000_0100_4000n, 0n, text, '000080d2', '200080d2'],
    ['R_AARCH64_MOVW_PREL_G3', text - 1n, 0n, text, '000080d2', '00008092'],
    ['R_AARCH64_LD_PREL_LO19', text, -4n, text, '00000058', 'e0ffff58'],
    ['R_AARCH64_LD_PREL_LO19', text + 0xf_fff0n + 0x1000n, 4n, text + 0xffcn, 'e9ffff18', 'c9ff7f18'],
    // adr: immlo in bits 30 and 29, immhi in bits 23 to 5.
    ['R_AARCH64_ADR_PREL_LO21', text + 3n, -4n, text, '00000010', 'e0ffff70'],
    ['R_AARCH64_ADR_PREL_LO21', 0xffff_8000_00f0_4001n, 0n, text, '00000010', '00008030'],
    ['R_AARCH64_ADR_PREL_PG_HI21', 0x1274_576fn, 0x1000n, 0x40_1ff8n, 'e7fffff0', '271a09b0'],
    ['R_AARCH64_ADR_PREL_PG_HI21', 0xffff_7fff_eecb_f891n, 0n, text, '00000090', 'c0e5f6f0'],
    ['R_AARCH64_LDST128_ABS_LO12_NC', 0xff4n, -4n, text, '0000c03d', '00fcc33d'],
    ['R_AARCH64_LDST128_ABS_LO12_NC', text + 0x79cn, 4n, text, 'ffffbf3d', 'ffeb813d'],
    // tbz x0 and tbnz x4: the tested bit stays.
    ['R_AARCH64_TSTBR14', text + 0x1800n, -4n, text + 0x1800n, '00000036', 'e0ff0736'],
    ['R_AARCH64_TSTBR14', text + 0xffcn, 4n, text + 0xffcn, 'e4ff5fb7', '240058b7'],
    ['R_AARCH64_CALL26', text + 0x17fcn, 0n, text + 0x1800n, '00000094', 'ffffff97'],
    ['R_AARCH64_CALL26', 0xffff_7fff_f900_4004n, 0n, text, '00000094', '01000096'],
  ])('%s, vector %#', (name, S, A, P, before, after) => {
    const input = inputOf(before, lettersOf(S, A, P));
    expect(applyRelocation(ruleOf(name), input).status).toBe('applied');
    expect(hex(input.bytes)).toBe(after);
  });

  test('a branch out of reach goes to its PLT entry', () => {
    const input = inputOf('00000094', lettersOf(text + 0x800_0000n, 0n, text, text + 0x18n));
    expect(applyRelocation(ruleOf('R_AARCH64_CALL26'), input).status).toBe('applied');
    expect(hex(input.bytes)).toBe('06000094');
  });

  test('a place has no addend of its own: what the field held is lost', () => {
    const input = inputOf('ffffff97', lettersOf(text, 8n, text));
    applyRelocation(ruleOf('R_AARCH64_CALL26'), input);
    expect(hex(input.bytes)).toBe('02000094');
  });
});

// GNU ld refuses these for the bits below the shift; reloc_insn_imm() drops them.
describe('bits below the shift are dropped', () => {
  test.each<readonly [name: string, S: bigint, before: string, after: string]>([
    ['R_AARCH64_LDST16_ABS_LO12_NC', text + 1n, 'ffff3f79', 'ff030079'],
    ['R_AARCH64_LDST32_ABS_LO12_NC', text + 0xffen, '000040b9', '00fc4fb9'],
    ['R_AARCH64_LDST64_ABS_LO12_NC', text + 0xfffn, 'ffff3ff9', 'ffff07f9'],
    ['R_AARCH64_LDST128_ABS_LO12_NC', text + 0xff8n, 'ffffbf3d', 'ffff833d'],
    ['R_AARCH64_LD_PREL_LO19', text + 2n, '00000058', '00000058'],
    ['R_AARCH64_CALL26', text + 2n, '00000094', '00000094'],
  ])('%s', (name, S, before, after) => {
    const input = inputOf(before, lettersOf(S, 0n, text));
    expect(applyRelocation(ruleOf(name), input).status).toBe('applied');
    expect(hex(input.bytes)).toBe(after);
  });
});

// Last value that fits, first that does not, on both sides; then what is left in the place.
describe('values out of range are refused after they were written', () => {
  test.each<readonly [name: string, fits: bigint, overflows: bigint, before: string, left: string]>([
    ['R_AARCH64_ABS32', 0xffff_ffffn, 0x1_0000_0000n, 'efbeadde', '00000000'],
    ['R_AARCH64_ABS32', 0n, -1n, '00000000', 'ffffffff'],
    ['R_AARCH64_ABS16', 0xffffn, 0x1_0000n, 'a55a', '0000'],
    ['R_AARCH64_ABS16', 0n, -1n, '0000', 'ffff'],
    ['R_AARCH64_PREL32', 0x7fff_ffffn, 0x8000_0000n, '00000000', '00000080'],
    ['R_AARCH64_PREL32', -0x8000_0000n, -0x8000_0001n, '00000000', 'ffffff7f'],
    ['R_AARCH64_PREL16', 0x7fffn, 0x8000n, '0000', '0080'],
    ['R_AARCH64_PREL16', -0x8000n, -0x8001n, '0000', 'ff7f'],
    ['R_AARCH64_MOVW_UABS_G0', 0xffffn, 0x1_0000n, 'e0ff9fd2', '000080d2'],
    ['R_AARCH64_MOVW_UABS_G1', 0xffff_ffffn, 0x1_0000_0000n, 'e0ffbff2', '0000a0f2'],
    ['R_AARCH64_MOVW_UABS_G2', 0n, -1n, '0000c0f2', 'e0ffdff2'],
    ['R_AARCH64_MOVW_SABS_G0', 0xffffn, 0x1_0000n, '00008092', '000080d2'],
    ['R_AARCH64_MOVW_SABS_G0', -0x1_0000n, -0x1_0001n, '000080d2', '00008092'],
    ['R_AARCH64_MOVW_SABS_G2', 0xffff_ffff_ffffn, 0x1_0000_0000_0000n, '0000c092', '0000c0d2'],
    ['R_AARCH64_MOVW_PREL_G1', -0x1_0000_0000n, -0x1_0000_0001n, '0000a0d2', '0000a092'],
    ['R_AARCH64_LD_PREL_LO19', 0xf_ffffn, 0x10_0000n, '00000058', '00008058'],
    ['R_AARCH64_ADR_PREL_LO21', 0xf_ffffn, 0x10_0000n, '00000010', '00008010'],
    ['R_AARCH64_ADR_PREL_LO21', -0x10_0000n, -0x10_0001n, '00000010', 'e0ff7f70'],
    ['R_AARCH64_ADR_PREL_PG_HI21', 0xffff_ffffn, 0x1_0000_0000n, '00000090', '00008090'],
    ['R_AARCH64_ADR_PREL_PG_HI21', -0x1_0000_0000n, -0x1_0000_0001n, '00000090', 'e0ff7ff0'],
    ['R_AARCH64_TSTBR14', 0x7fffn, 0x8000n, '00000036', '00000436'],
    ['R_AARCH64_CONDBR19', -0x10_0000n, -0x10_0001n, '00000054', 'e0ff7f54'],
    ['R_AARCH64_JUMP26', 0x7ff_ffffn, 0x800_0000n, '00000014', '00000016'],
    ['R_AARCH64_CALL26', -0x800_0000n, -0x800_0001n, '00000094', 'ffffff95'],
  ])('%s takes %s, not %s', (name, fits, overflows, before, left) => {
    const base = baseOf(ruleOf(name));
    expect(applyRelocation(ruleOf(name), inputOf(before, lettersOf(base, fits, text))).status).toBe(
      'applied',
    );
    const input = inputOf(before, lettersOf(base, overflows, text));
    expect(applyRelocation(ruleOf(name), input)).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      written: true,
    });
    expect(hex(input.bytes)).toBe(left);
  });

  test.each(kernels.map((kernel) => [kernel.release, kernel] as const))(
    'no check comes before the store in %s',
    (_, kernel) => {
      const rules = arm64.relocationTypes.map((type) => relocationRule(type, kernel));
      const applied = rules.filter((rule) => rule?.verdict === 'applied');
      expect(applied).toHaveLength(37);
      for (const { steps } of applied) expect(['write', 'special']).toContain(steps[0]?.kind);
    },
  );
});

describe('types without a check', () => {
  test.each<readonly [name: string, before: string, after: string]>([
    ['R_AARCH64_MOVW_UABS_G0_NC', 'e0ffbff2', '8000a8f2'],
    ['R_AARCH64_MOVW_PREL_G1_NC', 'e0ffbff2', '0000a0f2'],
    ['R_AARCH64_ADR_PREL_PG_HI21_NC', '00000090', '00000090'],
    ['R_AARCH64_ADD_ABS_LO12_NC', '00000091', '00100091'],
    ['R_AARCH64_PREL64', '0000000000000000', '0400000000000100'],
  ])('%s', (name, before, after) => {
    const input = inputOf(before, lettersOf(text + 0x1_0000_0000_0000n, 4n, text));
    expect(applyRelocation(ruleOf(name), input).status).toBe('applied');
    expect(hex(input.bytes)).toBe(after);
  });
});

describe('verdicts', () => {
  test.each(kernels.map((kernel) => [kernel.release, kernel] as const))('%s', (_, kernel) => {
    const verdicts = arm64.relocationTypes.map((type) => relocationRule(type, kernel)?.verdict);
    expect(verdicts.filter((verdict) => verdict === 'ignored')).toHaveLength(2);
    expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(160);
  });

  test.each([
    [0, 'R_AARCH64_NONE', 'ignored'],
    [256, 'R_AARCH64_NULL', 'ignored'],
    [1, 'R_AARCH64_P32_ABS32', 'refused'],
    [311, 'R_AARCH64_ADR_GOT_PAGE', 'refused'],
    [314, 'R_AARCH64_PLT32', 'refused'],
    [562, 'R_AARCH64_TLSDESC_ADR_PAGE21', 'refused'],
    [1027, 'R_AARCH64_RELATIVE', 'refused'],
  ])('%i is %s: %s', (number, name, verdict) => {
    expect(arm64.relocationType(number)?.name).toBe(name);
    const outcome = applyRelocation(ruleOf(name), inputOf('00000000', lettersOf(1n, 2n, 4n)));
    expect(outcome).toMatchObject(
      verdict === 'refused' ? { status: 'refused', errno: 'ENOEXEC', written: false } : { status: 'ignored' },
    );
  });

  test('numbers that the ABI leaves free have no row', () => {
    for (const free of [281, 294, 298, 500, 2000]) expect(arm64.relocationType(free)).toBeUndefined();
  });
});

describe('clearing', () => {
  const stored = arm64.relocationTypes.filter((type) =>
    type.rules.some((rule) => rule.verdict === 'applied' && rule.steps.some((step) => step.kind === 'write')),
  );

  test.each(stored.map((type) => [type.name]))('%s gives the bytes back', (name) => {
    const rule = ruleOf(name);
    const byte = integer({ min: 0, max: 255 });
    assert(
      property(array(byte, { minLength: 8, maxLength: 8 }), bigInt(-0x8000n, 0x7fffn), (before, distance) => {
        const bytes = Uint8Array.from(before);
        const input = { ...inputOf('', lettersOf(baseOf(rule), distance, text)), bytes };
        pre(applyRelocation(rule, input).status === 'applied');
        const size = rule.verdict === 'applied' ? rule.field.size : 8;
        const original = BigInt(`0x${hex(Uint8Array.from(before.slice(0, size).toReversed()))}`);
        expect(clearRelocation(rule, input, original)).toEqual({ status: 'cleared' });
        expect([...bytes]).toEqual(before);
      }),
    );
  });

  test('a field that somebody else changed stays', () => {
    const input = inputOf('02000094', lettersOf(text + 4n, 0n, text));
    expect(clearRelocation(ruleOf('R_AARCH64_CALL26'), input)).toEqual({
      status: 'mismatch',
      expected: 1n,
      actual: 2n,
    });
    expect(hex(input.bytes)).toBe('02000094');
  });

  test('a move that became MOVN is MOVZ again', () => {
    const input = inputOf('0300a0d2', lettersOf(-0x12_3456n, 0n, text));
    const rule = ruleOf('R_AARCH64_MOVW_SABS_G1');
    applyRelocation(rule, input);
    expect(hex(input.bytes)).toBe('4302a092');
    expect(clearRelocation(rule, input)).toEqual({ status: 'cleared' });
    expect(hex(input.bytes)).toBe('0300a0d2');
  });
});
