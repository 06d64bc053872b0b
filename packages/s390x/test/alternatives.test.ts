import { describe, expect, test } from 'vitest';
import { applyAlternatives } from '../src/alternatives.ts';
import { sectionAt, testImage, toHex, type TestImage } from './test-image.ts';

const code = 0x1000n;
const replacements = 0x2000n;
const table = 0x3000n;
const size: Readonly<Record<string, number>> = { '5.10': 12, '6.1': 11, '6.12': 13, '7.2': 13, '7.3': 13 };

function word(value: bigint): string {
  return BigInt.asUintN(32, value).toString(16).padStart(8, '0');
}

interface Case {
  readonly release: string;
  readonly code: string;
  readonly replacements: string;
  /** What follows the two distances of each entry, in hexadecimal; offsets of the code and the replacement. */
  readonly entries: readonly { readonly rest: string; readonly at?: number; readonly from?: number }[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
}

function apply({ release, entries, features, answers, ...bytes }: Case): TestImage {
  const entrySize = size[release] ?? 0;
  const hex = entries.map(({ rest, at = 0, from = 0 }, index) => {
    const place = table + BigInt(index * entrySize);
    return word(code + BigInt(at) - place) + word(replacements + BigInt(from) - place - 4n) + rest;
  });
  const memory = [
    [code, bytes.code],
    [replacements, bytes.replacements],
    [table, hex.join('')],
  ] as const;
  const image = testImage({
    release,
    memory,
    ...(features === undefined ? {} : { features }),
    ...(answers === undefined ? {} : { answers }),
  });
  expect(
    applyAlternatives(image, sectionAt('.altinstructions', table, hex.length * entrySize)),
  ).toBeUndefined();
  return image;
}

const nop = '47000000';
const niai = 'b2fa0070';

describe('feature of an entry', () => {
  test.each([
    ['6.1', '0031 04', 'facility 49'],
    ['6.1', '0052 04', 'nobp'],
    ['6.1', '0055 04', 'facility 85'],
    ['6.12', '10000031 04', 'facility 49'],
    ['6.12', '10000055 04', 'seq_insn'],
    ['6.12', '100000c1 04', 'facility 193'],
    ['6.12', '20100052 04', 'nobp'],
    ['6.12', '10200000 04', 'relocated_lowcore'],
    ['7.2', '10100000 04', 'relocated_lowcore'],
    ['7.3', '1000002d 04', 'facility 45'],
    ['7.3', '100000c1 04', 'bear'],
    ['7.3', '10100007 04', 'vm'],
    ['7.3', '1010003f 04', 'machine feature 63'],
    ['7.3', '20200052 04', 'nobp'],
  ])('%s: %s is %s', (release, rest, id) => {
    const image = apply({
      release,
      code: nop,
      replacements: niai,
      entries: [{ rest: rest.replaceAll(' ', '') }],
    });
    expect(image.questions).toMatchObject([{ kind: 'feature', id, address: code }]);
    expect(image.questions[0]?.candidates.map(({ answer, bytes }) => [answer, toHex(bytes)])).toEqual([
      ['off', nop],
      ['on', niai],
    ]);
    expect(image.hex(code, 4)).toBe(nop);
  });

  test.each([
    ['facility 1024, more than there are', '6.1', '0400 04'],
    ['facility 1024, more than there are', '7.3', '10000400 04'],
    ['machine feature 64, more than there are', '7.3', '10100040 04'],
    ['neither early nor late', '7.3', '40000031 04'],
    ['no type', '6.12', '10300000 04'],
    ['no type', '7.3', '10300000 04'],
  ])('%s: never applied', (_why, release, rest) => {
    const image = apply({
      release,
      code: nop,
      replacements: niai,
      entries: [{ rest: rest.replaceAll(' ', '') }],
    });
    expect([image.questions, image.writes]).toEqual([[], []]);
  });

  test('the description of the machine knows a facility by name or by number', () => {
    const entries = [{ rest: '1000005504' }];
    for (const name of ['seq_insn', 'facility 85']) {
      const on = apply({
        release: '7.3',
        code: nop,
        replacements: niai,
        entries,
        features: { [name]: true },
      });
      expect(on.writes).toEqual(['alternative 0x1000 b2fa0070']);
      const off = apply({
        release: '7.3',
        code: nop,
        replacements: niai,
        entries,
        features: { [name]: false },
      });
      expect([off.questions, off.writes]).toEqual([[], []]);
    }
  });
});

describe('copying', () => {
  test('in order: a later alternative of the same place overwrites an earlier one', () => {
    const image = apply({
      release: '7.3',
      code: 'a7f40004 0707',
      replacements: 'eb0000000071 c00400000000',
      entries: [{ rest: '100000c106' }, { rest: '1010000006', from: 6 }],
      answers: { bear: 'on', relocated_lowcore: 'on' },
    });
    expect(image.hex(code, 6)).toBe('c00400000000');
    // The second is asked over what the first left.
    expect(toHex(image.questions[1]?.candidates[0]?.bytes)).toBe('eb0000000071');
  });

  test('the distance of a branch in the replacement is not adjusted', () => {
    const image = apply({
      release: '6.12',
      code: '070007000700',
      replacements: 'c0f400000006',
      entries: [{ rest: '2010000106' }],
      answers: { nobp: 'on' },
    });
    expect(image.hex(code, 6)).toBe('c0f400000006');
  });

  test('an odd length is skipped up to 6.1, and copied since 6.12', () => {
    const old = apply({
      release: '6.1',
      code: nop,
      replacements: niai,
      entries: [{ rest: '003103' }],
      features: { 'facility 49': true },
    });
    expect(old.writes).toEqual([]);
    const later = apply({
      release: '6.12',
      code: nop,
      replacements: niai,
      entries: [{ rest: '1000003103' }],
      features: { 'facility 49': true },
    });
    expect(later.writes).toEqual(['alternative 0x1000 b2fa00']);
  });

  test('noaltinstr turns all of them off up to 6.1', () => {
    const features = { 'facility 49': true, noaltinstr: true };
    expect(
      apply({ release: '6.1', code: nop, replacements: niai, entries: [{ rest: '003104' }], features })
        .writes,
    ).toEqual([]);
    expect(
      apply({ release: '7.3', code: nop, replacements: niai, entries: [{ rest: '1000003104' }], features })
        .writes,
    ).toHaveLength(1);
  });

  test.each([
    ['none', 4, 'b2fa0070'],
    ['a nop of 2 bytes', 6, 'b2fa0070 0700'],
    ['a nop of 4 bytes', 8, 'b2fa0070 47000000'],
    ['a nop of 6 bytes', 10, 'b2fa0070 c00400000000'],
    ['a jump over one nop', 12, 'b2fa0070 c0f400000004 0700'],
    ['a jump over three nops', 16, 'b2fa0070 c0f400000006 070007000700'],
  ])('5.10 pads a shorter replacement: %s', (_what, length, padded) => {
    const original = nop.repeat(4);
    const entries = [{ rest: `0031${length.toString(16).padStart(2, '0')}04` }];
    const image = apply({
      release: '5.10',
      code: original,
      replacements: niai,
      entries,
      features: { 'facility 49': true },
    });
    expect(image.hex(code, 16)).toBe(padded.replaceAll(' ', '') + original.slice(length * 2));
  });

  test('5.10 skips odd lengths of either', () => {
    for (const rest of ['00310304', '00310403'])
      expect(
        apply({
          release: '5.10',
          code: nop,
          replacements: niai,
          entries: [{ rest }],
          features: { 'facility 49': true },
        }).writes,
      ).toEqual([]);
  });
});
