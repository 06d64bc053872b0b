import { parseKernel, type Letters } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { checkVectors, type Vector, type VectorResult } from '../src/index.ts';
import { toy } from './toy-architecture.ts';

const kernel = parseKernel('6.1');

interface ToyVector {
  readonly type?: number;
  readonly name?: string;
  readonly letters?: Partial<Letters>;
  readonly before?: readonly number[];
  /** Absent: the linker refused. */
  readonly after?: readonly number[];
  readonly kernelDisagrees?: boolean;
}

function vector({
  type = 1,
  name = 'R_TOY_32',
  letters,
  before,
  after,
  kernelDisagrees = false,
}: ToyVector): Vector {
  return {
    type,
    name,
    letters: { S: 0x1000n, A: 4n, P: 0x2000n, ...letters },
    before: Uint8Array.from(before ?? [0, 0, 0, 0]),
    after: after === undefined ? undefined : Uint8Array.from(after),
    kernelDisagrees,
  };
}

function check(...vectors: readonly ToyVector[]): VectorResult {
  const [result, ...others] = checkVectors(toy, kernel, vectors.map(vector));
  if (result === undefined || others.length > 0) throw new Error('expected one type');
  return result;
}

describe('bytes', () => {
  test('that agree', () => {
    expect(check({ after: [4, 0x10, 0, 0] }, { letters: { A: 5n }, after: [5, 0x10, 0, 0] })).toEqual({
      type: 1,
      name: 'R_TOY_32',
      misnamed: false,
      compared: 2,
      mismatches: [],
      misread: [],
      unforeseen: [],
      refusedByBoth: 0,
      refusedByLinker: 0,
      refusedByKernel: 0,
    });
  });

  test('that differ in the field are a mismatch, and are misread', () => {
    const result = check({ after: [5, 0x10, 0, 0] });
    expect(result.mismatches).toEqual(['R_TOY_32 S=0x1000 A=0x4 P=0x2000: 04100000, linker 05100000']);
    expect(result.misread).toEqual(['R_TOY_32 S=0x1000 A=0x4 P=0x2000']);
  });

  test('that differ beside the field are a mismatch only', () => {
    const result = check({ before: [0, 0, 0, 0, 0xcc], after: [4, 0x10, 0, 0, 0xcd] });
    expect(result).toMatchObject({ mismatches: [expect.stringContaining('04100000cc')], misread: [] });
  });

  test('of which the linker left more or fewer are a mismatch', () => {
    expect(check({ after: [4, 0x10, 0, 0, 0] }).mismatches).toHaveLength(1);
  });

  test('of a shifted field', () => {
    const shifted = {
      type: 2,
      name: 'R_TOY_PC16DBL',
      letters: { A: 0n, P: 0x1100n },
      before: [0, 0],
      after: [0x80, 0xff],
    };
    expect(check(shifted)).toMatchObject({ compared: 1, mismatches: [], misread: [] });
  });

  test('that a special step stores are compared, its field is not read', () => {
    const next = { type: 5, name: 'R_TOY_NEXT', after: [1, 0x10, 0, 0] };
    expect(check(next)).toMatchObject({ compared: 1, mismatches: [], misread: [] });
    expect(check({ ...next, after: [0, 0x10, 0, 0] })).toMatchObject({
      mismatches: [expect.anything()],
      misread: [],
    });
  });
});

describe('letters', () => {
  const branch = { type: 2, name: 'R_TOY_PC16DBL', before: [0, 0] };

  test('that the linker does not know get the value of a target in reach', () => {
    expect(check({ ...branch, letters: { A: 0n, P: 0x1100n }, after: [0x80, 0xff] }).mismatches).toEqual([]);
  });

  test('that the linker tells are taken', () => {
    const letters = { A: 0n, P: 0x1100n, D: 0x1200n };
    expect(check({ ...branch, letters, after: [0x80, 0] }).mismatches).toEqual([]);
    expect(check({ ...branch, letters, after: [0x80, 0xff] }).mismatches).toHaveLength(1);
  });
});

describe('refusals', () => {
  const tooLarge = { letters: { S: 0x1_0000_0000n } };

  test('by both', () => {
    expect(check(tooLarge)).toMatchObject({ compared: 0, refusedByBoth: 1, unforeseen: [] });
  });

  test('by one of them, as the vector says', () => {
    expect(check({ ...tooLarge, after: [4, 0, 0, 0], kernelDisagrees: true })).toMatchObject({
      compared: 0,
      refusedByKernel: 1,
      refusedByLinker: 0,
      unforeseen: [],
    });
    expect(check({ kernelDisagrees: true })).toMatchObject({
      refusedByLinker: 1,
      refusedByKernel: 0,
      unforeseen: [],
    });
  });

  test('that the vector does not say', () => {
    const letters = 'S=0x100000000 A=0x4 P=0x2000';
    const byKernel = 'value 0x100000004 is not in 0x0 to 0xffffffff';
    expect(check({ ...tooLarge, after: [4, 0, 0, 0] }).unforeseen).toEqual([
      `R_TOY_32 ${letters}: ${byKernel}, linker stored`,
    ]);
    expect(check({}).unforeseen).toEqual(['R_TOY_32 S=0x1000 A=0x4 P=0x2000: stored, linker refused']);
  });

  test('that the vector says and that do not happen', () => {
    expect(check({ after: [4, 0x10, 0, 0], kernelDisagrees: true }).unforeseen).toHaveLength(1);
    expect(check({ ...tooLarge, kernelDisagrees: true }).unforeseen).toHaveLength(1);
  });
});

/** The types of which a kernel's rule is compared. */
function typesOf(release: string, ...types: readonly number[]): readonly number[] {
  const vectors = types.map((type) => vector({ type, after: [0, 0, 0, 0] }));
  return checkVectors(toy, parseKernel(release), vectors).map(({ type }) => type);
}

describe('types', () => {
  test('that the kernel ignores, refuses or does not know are left out', () => {
    expect(typesOf('6.1', 0, 1, 3, 4, 99)).toEqual([1]);
    expect(typesOf('6.12', 1, 4)).toEqual([1, 4]);
  });

  test('under another name than the linker prints are misnamed', () => {
    expect(check({ name: 'R_TOY_ABS32', after: [4, 0x10, 0, 0] })).toMatchObject({
      name: 'R_TOY_32',
      misnamed: true,
    });
  });

  test('are reported once, with all their cases', () => {
    const vectors = [{ type: 1 }, { type: 5, name: 'R_TOY_NEXT' }, { type: 1 }].map(vector);
    expect(
      checkVectors(toy, kernel, vectors).map(({ type, refusedByLinker }) => [type, refusedByLinker]),
    ).toEqual([
      [1, 2],
      [5, 1],
    ]);
  });
});
