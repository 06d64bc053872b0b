import {
  applyRelocation,
  clearRelocation,
  parseKernel,
  relocationRule,
  type RelocationInput,
  type RelocationRule,
} from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { x86 } from '../src/index.ts';

const kernels = ['5.10.223', '6.1.0-50-amd64', '6.2.16', '6.12.107+deb13-amd64', '7.3-rc7'] as const;

function rule(number: number, release: string): RelocationRule {
  const type = x86.relocationType(number);
  const found = type === undefined ? undefined : relocationRule(type, parseKernel(release));
  if (found === undefined) throw new Error(`no rule for type ${number} in ${release}`);
  return found;
}

function place(before: string, S: bigint, A: bigint, P: bigint): RelocationInput {
  const bytes = Uint8Array.from(Buffer.from(before, 'hex'));
  const symbol = { name: 'target', external: true };
  return { bytes, offset: 0, letters: { S, A, P }, symbol, byteOrder: 'little' };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('types that the loader applies', () => {
  test.each([
    // Address of a kernel symbol in a table.
    ['R_X86_64_64', 1, 0xffffffffc0001000n, 0x10n, 0n, '0000000000000000', '101000c0ffffffff'],
    ['R_X86_64_64', 1, 0x7fffffffffffffffn, 1n, 0n, '0000000000000000', '0000000000000080'],
    // 0xffffffffc0003000 - 4 - 0xffffffffc0001005
    ['R_X86_64_PC32', 2, 0xffffffffc0003000n, -4n, 0xffffffffc0001005n, '00000000', 'f71f0000'],
    // Backwards: -0x2005
    ['R_X86_64_PLT32', 4, 0xffffffffc0001000n, -4n, 0xffffffffc0003001n, '00000000', 'fbdfffff'],
    // A distance of more than 4 GiB loses its upper half without an error.
    ['R_X86_64_PC32', 2, 0x500000008n, -4n, 0n, '00000000', '04000000'],
    ['R_X86_64_PLT32', 4, 0n, -4n, 0xffffffff81000000n, '00000000', 'fcffff7e'],
    ['R_X86_64_32', 10, 0xfffffffen, 1n, 0x1000n, '00000000', 'ffffffff'],
    ['R_X86_64_32S', 11, 0xffffffff80000000n, 0n, 0x1000n, '00000000', '00000080'],
    ['R_X86_64_32S', 11, 0x7ffffffen, 1n, 0x1000n, '00000000', 'ffffff7f'],
    [
      'R_X86_64_PC64',
      24,
      0xffffffffc0001000n,
      2n,
      0xffffffffc0001018n,
      '0000000000000000',
      'eaffffffffffffff',
    ],
  ])('%s (%i): S=%s A=%s P=%s, %s becomes %s', (name, number, S, A, P, before, after) => {
    for (const release of kernels) {
      const input = place(before, S, A, P);
      expect(x86.relocationType(number)?.name).toBe(name);
      expect(applyRelocation(rule(number, release), input)).toMatchObject({ status: 'applied' });
      expect(hex(input.bytes)).toBe(after);
    }
  });

  test('bytes behind a 4-byte field are kept', () => {
    const input = place('00000000cccccccc', 0x1000n, 0n, 0xff0n);
    applyRelocation(rule(2, '6.1'), input);
    expect(hex(input.bytes)).toBe('10000000cccccccc');
  });
});

/** Why a kernel refuses a value that does not fit, in a field that is not zero. */
function reasonIn(release: string): string {
  const outcome = applyRelocation(rule(10, release), place('01000000', -1n, 0n, 0n));
  return outcome.status === 'refused' ? outcome.reason : outcome.status;
}

describe('refusals', () => {
  test.each([1, 2, 4, 10, 11, 24])('type %i refuses a field that is not zero, and leaves it', (number) => {
    for (const release of kernels) {
      const input = place('0000000100000000', 0x1000n, 0n, 0n);
      const outcome = applyRelocation(rule(number, release), input);
      expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', written: false });
      expect(hex(input.bytes)).toBe('0000000100000000');
    }
  });

  test('4-byte types do not look at the byte behind the field', () => {
    const input = place('0000000001000000', 0x1000n, 0n, 0n);
    expect(applyRelocation(rule(10, '7.3'), input)).toMatchObject({ status: 'applied' });
  });

  test.each([
    ['R_X86_64_32', 10, 0x100000000n, '00000000'],
    ['R_X86_64_32', 10, -1n, 'ffffffff'],
    ['R_X86_64_32', 10, 0xffffffff80000000n, '00000080'],
    ['R_X86_64_32S', 11, 0x80000000n, '00000080'],
    ['R_X86_64_32S', 11, 0xffffffff7fffffffn, 'ffffff7f'],
  ])('%s (%i) of %s: written before the test until 6.2, untouched since 6.3', (_, number, S, written) => {
    for (const release of ['5.10.223', '6.1.0-50-amd64', '6.2.16']) {
      const input = place('00000000', S, 0n, 0n);
      const outcome = applyRelocation(rule(number, release), input);
      expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', written: true });
      expect(hex(input.bytes)).toBe(written);
    }
    for (const release of ['6.3', '6.12.107', '7.3-rc7']) {
      const input = place('00000000', S, 0n, 0n);
      const outcome = applyRelocation(rule(number, release), input);
      expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', written: false });
      expect(hex(input.bytes)).toBe('00000000');
    }
  });

  test('which of two errors is found first depends on the version', () => {
    expect(reasonIn('6.1')).toContain('wants zero');
    expect(reasonIn('6.12')).toContain('is not in 0x0 to 0xffffffff');
  });
});

describe('the table', () => {
  test('has every number of the ABI from 0 to 51', () => {
    const numbers = x86.relocationTypes.map((type) => type.number).toSorted((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 52 }, (_, number) => number));
  });

  test('accepts seven types and no other, in every kernel', () => {
    for (const release of kernels) {
      const accepted = x86.relocationTypes.filter((type) => rule(type.number, release).verdict !== 'refused');
      expect(accepted.map((type) => type.number).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 4, 10, 11, 24]);
    }
  });

  test('does not touch the place of R_X86_64_NONE, whatever it holds', () => {
    const input = place('e8123456', 0x1000n, 0n, 0n);
    expect(applyRelocation(rule(0, '7.3'), input)).toEqual({ status: 'ignored' });
    expect(hex(input.bytes)).toBe('e8123456');
  });

  test.each([
    [9, 'R_X86_64_GOTPCREL'],
    [37, 'R_X86_64_IRELATIVE'],
    [41, 'R_X86_64_GOTPCRELX'],
    [42, 'R_X86_64_REX_GOTPCRELX'],
  ])('refuses %i, %s, with ENOEXEC', (number, name) => {
    expect(x86.relocationType(number)?.name).toBe(name);
    const outcome = applyRelocation(rule(number, '7.3'), place('00000000', 0x1000n, 0n, 0n));
    expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC', written: false });
  });
});

describe('clearing', () => {
  test.each([1, 2, 4, 10, 11, 24])('type %i goes back to zero', (number) => {
    const size = number === 1 || number === 24 ? 8 : 4;
    const input = place('00'.repeat(size), 0x1234n, -4n, 0x1000n);
    expect(applyRelocation(rule(number, '6.12'), input)).toMatchObject({ status: 'applied' });
    expect(hex(input.bytes)).not.toBe('00'.repeat(size));
    expect(clearRelocation(rule(number, '6.12'), input)).toEqual({ status: 'cleared' });
    expect(hex(input.bytes)).toBe('00'.repeat(size));
  });

  test('leaves a field that holds something else', () => {
    const input = place('0f1f4400', 0x1234n, -4n, 0x1000n);
    expect(clearRelocation(rule(4, '6.12'), input)).toMatchObject({ status: 'mismatch', expected: 0x230n });
    expect(hex(input.bytes)).toBe('0f1f4400');
  });
});
