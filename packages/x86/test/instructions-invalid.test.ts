import { describe, expect, test } from 'vitest';
import { decodeInstruction } from '../src/instructions/decode.ts';
import { opcodeTable } from '../src/instructions/opcode-table.ts';
import { hex } from './instructions-description.ts';

describe('no instruction', () => {
  test.each([
    [
      'not in 64-bit mode',
      [
        '06',
        '27',
        '60',
        '82 00 00',
        '9a 00 00 00 00 00 00',
        'c4 00 00 00',
        'ce',
        'd4 0a',
        'ea 00 00 00 00 00 00',
      ],
    ],
    [
      'not assigned',
      ['0f 04', '0f 0a', '0f 24 c0', '0f 39', '0f 3b', '0f 7a c0', '0f 38 0c c0', '0f 3a 00 c0 00'],
    ],
    ['3DNow', ['0f 0e', '0f 0f c0 b4']],
    [
      'no member of the group',
      [
        '8f c8',
        'c6 c8 00',
        'c7 f9 00 00 00 00',
        'fe d0',
        'ff f8',
        '0f 00 f8',
        '0f 71 c0 00',
        '0f ba c0 00',
        '0f c7 00',
      ],
    ],
    [
      'another mandatory prefix',
      ['f3 0f 28 c0', '0f b8 c0', 'f2 0f 38 00 c0', '0f 38 dc c0', 'c5 f8 6f c0', '62 f1 7c 48 fe c0'],
    ],
    ['no such map', ['c4 e0 78 10 c0', 'c4 e5 78 10 c0', '62 f0 7c 48 10 c0', '8f eb 78 01 c8']],
    [
      'a prefix before VEX, EVEX or XOP',
      [
        '66 c5 f8 10 c0',
        'f3 c5 f8 10 c0',
        'f0 c5 f8 10 00',
        '48 c5 f8 10 c0',
        '48 62 f1 7c 48 10 c0',
        '66 8f e9 70 01 c8',
      ],
    ],
    ['REX before REX2', ['48 d5 00 90']],
    [
      'a row that REX2 excludes',
      ['d5 00 70 00', 'd5 00 e8 00 00 00 00', 'd5 00 a4', 'd5 80 85 00 00 00 00', 'd5 80 30', 'd5 00 0f 05'],
    ],
  ])('%s', (_, encodings) => {
    expect(encodings.filter((bytes) => decodeInstruction(hex(bytes), 0) !== undefined)).toEqual([]);
  });

  test.each([-1, 1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('at offset %s of one byte', (offset) => {
    expect(decodeInstruction(hex('90'), offset)).toBeUndefined();
  });
});

describe('an opcode table', () => {
  const code = 'x86/opcode-table';

  test('needs rows of 16 and groups of 8', () => {
    expect(() => opcodeTable({ forms: '0 1\n0 M M' })).toThrow(expect.objectContaining({ code }));
    expect(() => opcodeTable({ forms: `head\nx ${'M '.repeat(16)}` })).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => opcodeTable({ forms: 'M', groups: '/0 /1\nf6 M M' })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test('needs cells that are operand forms', () => {
    expect(() => opcodeTable({ forms: `head\n0 ${'Q '.repeat(16)}` })).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => opcodeTable({ forms: `head\n0 ${'toString '.repeat(16)}` })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test('has no opcodes in rows that are left out', () => {
    const table = opcodeTable({ forms: `head\n1 ${'Ib '.repeat(16)}` });
    expect(table.form(0x1f, 0, undefined)).toEqual({ immediate: 1 });
    expect(table.form(0x0f, 0, undefined)).toBeUndefined();
    expect(table.form(0x20, 0, undefined)).toBeUndefined();
  });
});
