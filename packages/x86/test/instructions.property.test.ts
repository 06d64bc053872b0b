import { array, assert, constantFrom, integer, property, tuple, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeInstruction, type Instruction } from '../src/instructions/decode.ts';
import { nops } from '../src/instructions/nops.ts';

/** Random bytes rarely start with more than an opcode, so prefixes and escapes are put in front. */
const prefixes = constantFrom(0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x3e, 0x65, 0x41, 0x48, 0x4d);
const introductions = constantFrom<readonly number[]>(
  [],
  [0x0f],
  [0x0f, 0x38],
  [0x0f, 0x3a],
  [0xc5],
  [0xc4],
  [0x62],
  [0x62, 0xf1, 0x7c, 0x48],
  [0x8f, 0xe8],
  [0xd5],
);
const code = tuple(array(prefixes, { maxLength: 5 }), introductions, uint8Array({ maxLength: 24 })).map(
  ([before, introduction, rest]) => Uint8Array.from([...before, ...introduction, ...rest]),
);

/** Where the parts of an instruction start and end, in the order of its bytes. */
function edges({
  legacyPrefixes,
  prefixLength,
  modrm,
  displacement,
  immediate,
  branch,
  length,
}: Instruction): readonly number[] {
  const fields = [displacement, immediate, branch].filter((field) => field !== undefined);
  return [
    0,
    legacyPrefixes,
    prefixLength,
    ...(modrm === undefined ? [] : [modrm, modrm + 1]),
    ...fields.flatMap(({ offset, size }) => [offset, offset + size]),
    length,
  ];
}

describe('any bytes', () => {
  test('give an instruction inside them, with its fields in order, or nothing', () => {
    let decoded = 0;
    assert(
      property(code, integer({ min: -2, max: 4 }), (bytes, offset) => {
        const instruction = decodeInstruction(bytes, offset);
        if (instruction === undefined) return;
        decoded++;
        const { length, prefixLength } = instruction;
        const places = edges(instruction);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(prefixLength).toBeLessThan(length);
        expect(length).toBeLessThanOrEqual(Math.min(15, bytes.length - offset));
      }),
      { numRuns: 20_000 },
    );
    expect(decoded).toBeGreaterThan(2000);
  });

  test('mean the same wherever they stand and whatever follows', () => {
    assert(
      property(code, uint8Array({ maxLength: 9 }), uint8Array({ maxLength: 20 }), (bytes, before, behind) => {
        const instruction = decodeInstruction(bytes, 0);
        if (instruction === undefined) return;
        const moved = Uint8Array.from([...before, ...bytes.subarray(0, instruction.length), ...behind]);
        expect(decodeInstruction(moved, before.length)).toEqual(instruction);
      }),
      { numRuns: 10_000 },
    );
  });

  test('cut short are no instruction', () => {
    assert(
      property(code, (bytes) => {
        const length = decodeInstruction(bytes, 0)?.length ?? 0;
        const cut = Array.from({ length }, (_, end) => decodeInstruction(bytes.subarray(0, end), 0));
        expect(cut.filter((instruction) => instruction !== undefined)).toEqual([]);
      }),
      { numRuns: 5000 },
    );
  });

  test('are a nop only where they are an instruction', () => {
    assert(
      property(code, integer({ min: -2, max: 4 }), (bytes, offset) => {
        const isInstruction = decodeInstruction(bytes, offset) !== undefined;
        const isNop = nops.some((kinds) => kinds.isNop(bytes, offset));
        expect(isNop && !isInstruction).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});
