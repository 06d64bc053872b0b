import { KelpError } from '@kelp/core';
import { assert, bigInt, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseVectors, type Vector } from '../src/index.ts';

const good = {
  type: 2,
  name: 'R_TOY_32',
  S: '0x1000',
  A: '-0x4',
  P: '0x2000',
  before: '00000000',
  after: 'fceffffe',
};

function file(...cases: readonly unknown[]): string {
  return JSON.stringify({ tool: 'GNU ld 2.40', section: '.place', offset: 8, omitted: {}, cases });
}

function parseOne(one: unknown): Vector {
  const [vector] = parseVectors(file(one)).vectors;
  if (vector === undefined) throw new Error('no vector');
  return vector;
}

describe('a case', () => {
  test('has letters, bytes and the type', () => {
    expect(parseOne(good)).toEqual({
      type: 2,
      name: 'R_TOY_32',
      letters: { S: 0x1000n, A: -4n, P: 0x2000n },
      before: Uint8Array.of(0, 0, 0, 0),
      after: Uint8Array.of(0xfc, 0xef, 0xff, 0xfe),
      kernelDisagrees: false,
    });
  });

  test('takes every upper-case member as a letter, and no other', () => {
    const { letters } = parseOne({ ...good, TOC: '0x8000', G: '0x10', localEntry: '0x8' });
    expect(letters).toEqual({ S: 0x1000n, A: -4n, P: 0x2000n, TOC: 0x8000n, G: 0x10n });
  });

  test('reads 64-bit letters as signed numbers, as formulas compute them', () => {
    expect(parseOne({ ...good, S: '0xffffffffc0401000' }).letters.S).toBe(-0x3fbff000n);
  });

  test('without bytes after is one that the linker refused', () => {
    const { after: _, ...rest } = good;
    expect(parseOne({ ...rest, refused: true })).toMatchObject({ after: undefined, kernelDisagrees: false });
    expect(parseOne({ ...rest, linker: 'refused' })).toMatchObject({
      after: undefined,
      kernelDisagrees: true,
    });
  });

  test('says where the kernel refuses what the linker stored', () => {
    expect(parseOne({ ...good, linker: 'accepted' }).kernelDisagrees).toBe(true);
  });

  test('with a branch that the linker inserted fits in the kernel too', () => {
    expect(parseOne({ ...good, D: '0x1800', linker: 'accepted' }).kernelDisagrees).toBe(false);
  });

  test('keeps any letters', () => {
    assert(
      property(bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        const text = value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
        expect(parseOne({ ...good, A: text, S: text }).letters).toEqual({ S: value, A: value, P: 0x2000n });
        expect(parseOne({ ...good, P: `0x${BigInt.asUintN(64, value).toString(16)}` }).letters.P).toBe(value);
      }),
    );
  });
});

describe('a file', () => {
  test('names its linker, and the types that it leaves out', () => {
    const text = JSON.stringify({
      tool: 'GNU ld 2.40',
      omitted: { R_TOY_GOT: 'ld stores 64 bits' },
      cases: [good, good],
    });
    const { tool, omitted, vectors } = parseVectors(text);
    expect(tool).toBe('GNU ld 2.40');
    expect([...omitted]).toEqual([['R_TOY_GOT', 'ld stores 64 bits']]);
    expect(vectors).toHaveLength(2);
  });

  test.each([
    ['{', 'not a JSON file'],
    ['[]', 'expected an object with tool and cases'],
    ['{"tool":"ld"}', 'expected an object with tool and cases'],
    ['{"tool":1,"cases":[]}', 'expected an object with tool and cases'],
    ['{"tool":"ld","cases":[],"omitted":["R_TOY_32"]}', 'omitted is not an object of reasons'],
    ['{"tool":"ld","cases":[],"omitted":{"R_TOY_32":1}}', 'omitted is not an object of reasons'],
    [file(7), 'case 0 is not an object'],
    [file(good, { ...good, type: '2' }), 'case 1 lacks type or name'],
    [file({ ...good, type: 1.5 }), 'case 0 lacks type or name'],
    [file({ ...good, name: undefined }), 'case 0 lacks type or name'],
    [file({ ...good, P: undefined }), 'case 0 lacks S, A or P'],
    [file({ ...good, S: 4096 }), 'case 0: S is not a number'],
    [file({ ...good, A: '4x' }), 'case 0: A is not a number'],
    [file({ ...good, before: undefined }), 'case 0: before is not a string of hexadecimal bytes'],
    [file({ ...good, before: '000' }), 'case 0: before is not a string of hexadecimal bytes'],
    [file({ ...good, after: 'zz' }), 'case 0: after is not a string of hexadecimal bytes'],
    [file({ ...good, after: undefined }), 'case 0 needs either after or a refusal by the linker'],
    [file({ ...good, refused: true }), 'case 0 needs either after or a refusal by the linker'],
  ])('%s is refused', (text, message) => {
    expect(() => parseVectors(text)).toThrow(new KelpError('testkit/vectors', message));
  });
});
