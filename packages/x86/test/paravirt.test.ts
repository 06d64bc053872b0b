import { describe, expect, test } from 'vitest';
import { patchParavirt } from '../src/paravirt.ts';
import { derive, hex, little, testImage, type TestImage } from './test-image.ts';

const text = 0xffffffffc0200000n;
const table = 0xffffffffc0300000n;

describe('paravirt', () => {
  const symbols = { native_io_delay: 0xffffffff81030000n, native_set_pte: 0xffffffff81040000n };
  const sites = (
    types: readonly number[],
    release = '6.1.176',
    answers: Readonly<Record<string, string>> = {},
  ): TestImage => {
    const bytes = hex('ff1500000000'.repeat(types.length));
    const entries = types.flatMap((type, index) => [
      ...little(text + BigInt(index * 6), 8),
      type,
      6,
      ...little(0, 6),
    ]);
    const image = testImage({
      release,
      sections: [
        { name: '.text', address: text, bytes },
        { name: '.parainstructions', address: table, bytes: Uint8Array.from(entries) },
      ],
      symbols,
      answers,
    });
    patchParavirt(image);
    return image;
  };

  test('calls of what bare hardware has', () => {
    const image = sites([0, 58, 49]);
    expect(image.hex(text, 18)).toBe('e8 fb ff e2 c0 90 e8 f5 ff e3 c0 90 66 0f 1f 44 00 00');
    expect(image.questions.map(({ kind, id }) => [kind, id])).toEqual([
      ['kernel-chosen', 'pv_ops[0]'],
      ['kernel-chosen', 'pv_ops[58]'],
      ['kernel-chosen', 'pv_ops[49]'],
    ]);
  });

  test('one answer for all sites of a pointer', () => {
    const image = sites([0, 0], '6.1.176', { 'pv_ops[0]': 'nothing' });
    expect(image.hex(text, 12)).toBe('66 0f 1f 44 00 00 66 0f 1f 44 00 00');
    expect(derive(image, 'pv_ops[0]', 'e8fbffe2c090')).toBe('0xffffffff81030000');
    expect(derive(image, 'pv_ops[0]', 'e8fbffe2c0cc')).toBeUndefined();
    expect(derive(image, 'pv_ops[0]', '660f1f440000')).toBe('nothing');
  });

  test('a pointer that nobody knows keeps its call', () => {
    expect(sites([3]).writes).toEqual([]);
    expect(sites([200]).writes).toEqual([]);
  });

  test('is not simulated before 5.13', () => {
    expect(sites([0], '5.10.223').questions).toEqual([]);
  });
});
