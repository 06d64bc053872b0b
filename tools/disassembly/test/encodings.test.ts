import { describe, expect, test } from 'vitest';
import { compareEncodings, encodingImage } from '../src/encoding-comparison.ts';
import { encodingGroups } from '../src/encoding-space.ts';
import type { ListingLine } from '../src/listing.ts';
import { compareVectors } from '../src/perf-vectors.ts';

async function* listing(lines: readonly (readonly [number, string])[]): AsyncGenerator<ListingLine> {
  yield { kind: 'section', name: '.data' };
  for (const [address, text] of lines) yield { kind: 'instruction', address, text };
}

describe('encodings in slots', () => {
  const image = encodingImage([[0x01, 0xc0], [0x06], [0x8d, 0xc0], [0x0f, 0x0e]]);

  test('stand 16 bytes apart with nops behind', () => {
    expect(Buffer.from(image).toString('hex')).toBe(
      `01c0${'90'.repeat(14)}06${'90'.repeat(15)}8dc0${'90'.repeat(14)}0f0e${'90'.repeat(14)}`,
    );
  });

  test('are compared at the start of each slot', async () => {
    const lines = [
      [0, 'add    %eax,%eax'],
      [2, 'nop'],
      [16, '(bad)'],
      [17, 'nop'],
      [32, '(bad)'],
      [33, 'nop'],
      [48, 'femms'],
      [50, 'nop'],
    ] as const;
    expect(await compareEncodings(image, listing(lines))).toEqual({
      encodings: 4,
      refused: 1,
      onlyDecoded: 1,
      differences: [
        {
          encoding: '0f 0e 90 90 90 90 90 90',
          objdump: '2 bytes: femms',
          decoder: 'nothing',
          reason: '3DNow is left out',
        },
      ],
    });
  });

  test('of another length are a difference without a reason', async () => {
    const lines = [
      [0, 'add'],
      [3, 'nop'],
      [16, '(bad)'],
      [17, 'nop'],
      [32, '(bad)'],
      [33, 'nop'],
      [48, '(bad)'],
      [49, 'nop'],
    ] as const;
    expect((await compareEncodings(image, listing(lines))).differences).toMatchObject([
      { objdump: '3 bytes: add', decoder: '2 bytes', reason: undefined },
    ]);
  });

  test('need a line for every slot', async () => {
    await expect(
      compareEncodings(
        image,
        listing([
          [0, 'add'],
          [2, 'nop'],
        ]),
      ),
    ).rejects.toThrow('1 of 4 slots');
  });

  test('cover every map once', () => {
    const names = encodingGroups.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('cover every opcode with every mod and reg, plain and with prefixes', () => {
    const group = encodingGroups.find(({ name }) => name === '0f');
    const encodings = [...(group?.encodings() ?? [])];
    // 7 prefixes, 254 opcodes, 4 mods, 8 regs, 3 rms.
    expect(encodings).toHaveLength(7 * 254 * 4 * 8 * 3);
    expect(encodings).toContainEqual([0x66, 0x48, 0x0f, 0xff, 0xfd]);
  });
});

/** One entry of the file, for a conditional jump over 4 bytes. */
function line(length: number, distance: string): string {
  const encoding = '0x0f, 0x84, 0x04, 0x00, 0x00, 0x00, ';
  return `{{${encoding}}, ${length}, ${distance}, "jcc", "conditional",\n"0f 84 04 00 00 00    \\tje     a <main+0xa>",},\n`;
}

describe('the encodings of perf', () => {
  test('agree in length and distance', () => {
    expect(compareVectors(line(6, '0x4') + line(6, '4'))).toEqual({ vectors: 2, differences: [] });
  });

  test('differ', () => {
    expect(compareVectors(line(5, '0x4')).differences).toHaveLength(1);
    expect(compareVectors(line(6, '0')).differences).toHaveLength(1);
  });
});
