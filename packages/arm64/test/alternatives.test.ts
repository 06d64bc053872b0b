import type { Refusal } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { applyAlternatives } from '../src/alternatives.ts';
import { little, testImage, toWords, words, type TestImage } from './test-image.ts';

const code = 0xffff_a853_0000_1000n;
const table = 0xffff_a853_0000_4000n;
const nops = 0xffff_a853_1000_0000n;
const symbols = { alt_cb_patch_nops: nops, _stext: 0xffff_a853_0800_0000n, _etext: 0xffff_a853_2000_0000n };

interface Entry {
  /** Offset of the original and of the replacement in the code. */
  readonly from?: number;
  readonly to?: number;
  /** Address of a callback. */
  readonly callback?: bigint;
  readonly cpucap: number;
  readonly lengths: readonly [number, number];
}

interface Case {
  readonly release: string;
  readonly code: string;
  readonly entries: readonly Entry[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly symbols?: Readonly<Record<string, bigint>>;
}

function apply(one: Case): { readonly image: TestImage; readonly refusal: Refusal | undefined } {
  const entries = one.entries.flatMap(({ from = 0, to = 0, callback, cpucap, lengths }, index) => {
    const place = table + BigInt(index * 12);
    const replacement = callback ?? code + BigInt(to);
    return [
      ...little(code + BigInt(from) - place, 4),
      ...little(replacement - place - 4n, 4),
      ...little(BigInt(cpucap), 2),
      ...lengths,
    ];
  });
  const sections = [
    { name: '.text', address: code, bytes: words(one.code) },
    { name: '.altinstructions', address: table, bytes: Uint8Array.from(entries) },
  ];
  const image = testImage({ symbols, ...one, sections });
  return { image, refusal: applyAlternatives(image) };
}

/** The first two instructions of an image. */
function patched(one: Case): string {
  const { image, refusal } = apply(one);
  expect(refusal).toBeUndefined();
  return image.words(code, 8);
}

// ldxr/stxr and their replacements, as in atomic_add(): LSE is capability 26, 37 and 43.
const atomics = {
  code: 'b9400001 d503201f b821001f d503201f',
  entries: [{ to: 8, cpucap: 43, lengths: [8, 8] as const }],
};

describe('capabilities', () => {
  test.each([
    ['5.10.223', 5, 'bit 5'],
    ['6.1.0-50-arm64', 26, 'HAS_LSE_ATOMICS'],
    ['6.1.176', 54, 'WORKAROUND_843419'],
    ['6.1.90', 26, 'bit 26'],
    ['6.12.107+deb13-arm64', 37, 'HAS_LSE_ATOMICS'],
    ['6.12.10', 37, 'bit 37'],
    ['7.2.13', 43, 'bit 43'],
    ['7.3-rc7', 43, 'HAS_LSE_ATOMICS'],
    ['7.3', 128, 'WORKAROUND_BROKEN_AMU_CONSTCNT'],
    ['7.3', 129, 'bit 129'],
    ['7.3', 0x8000 + 43, 'HAS_LSE_ATOMICS'],
  ])('%s: %i is %s', (release, cpucap, id) => {
    const entry =
      cpucap >= 0x8000
        ? { callback: nops, cpucap, lengths: [8, 0] as const }
        : { to: 8, cpucap, lengths: [8, 8] as const };
    const { image } = apply({ release, code: atomics.code, entries: [entry] });
    expect(image.questions).toMatchObject([{ kind: 'feature', id, address: code }]);
    const replaced = cpucap >= 0x8000 ? 'd503201f d503201f' : 'b821001f d503201f';
    expect(image.questions[0]?.candidates.map(({ answer, bytes }) => [answer, toWords(bytes)])).toEqual([
      ['off', 'b9400001 d503201f'],
      ['on', replaced],
    ]);
    expect(image.writes).toEqual([]);
  });

  test.each([
    ['6.1.20', 0],
    ['6.1.20', 1],
    ['7.2', 1],
  ])('%s: number %i is always there', (release, cpucap) => {
    const { image } = apply({ release, code: atomics.code, entries: [{ to: 8, cpucap, lengths: [8, 8] }] });
    expect(image.questions).toEqual([]);
    expect(image.words(code, 8)).toBe('b821001f d503201f');
  });

  test('a described machine is not asked about', () => {
    expect(patched({ release: '7.3', ...atomics, features: { HAS_LSE_ATOMICS: true } })).toBe(
      'b821001f d503201f',
    );
    expect(patched({ release: '7.3', ...atomics, features: { HAS_LSE_ATOMICS: false } })).toBe(
      'b9400001 d503201f',
    );
  });

  test('an answer counts', () => {
    const { image } = apply({ release: '7.3', ...atomics, answers: { HAS_LSE_ATOMICS: 'on' } });
    expect(image.words(code, 16)).toBe('b821001f d503201f b821001f d503201f');
    expect(image.writes).toEqual([`alternative 0x${code.toString(16)}`]);
  });
});

describe('replacements', () => {
  const on = { release: '7.3', features: { HAS_LSE_ATOMICS: true } };
  const entries = [{ to: 8, cpucap: 43, lengths: [8, 8] as const }];

  test.each([
    // The replacement stands 8 bytes behind the original.
    ['a branch out of it keeps its target', '14000010 d503201f', '14000012 d503201f'],
    ['a call', '97fffff0 d503201f', '97fffff2 d503201f'],
    ['a conditional branch', '540000a0 d503201f', '540000e0 d503201f'],
    ['CBZ', 'b4000100 d503201f', 'b4000140 d503201f'],
    ['TBNZ', '37000100 d503201f', '37000140 d503201f'],
    ['a branch inside stays', '14000001 d503201f', '14000001 d503201f'],
    ['a branch to its end stays', '14000002 d503201f', '14000002 d503201f'],
    ['a branch back to its start stays', 'd503201f 17ffffff', 'd503201f 17ffffff'],
    ['a branch behind its end does not', '14000003 d503201f', '14000005 d503201f'],
    ['ADRP within the page', 'b0000000 d503201f', 'b0000000 d503201f'],
    ['anything else', 'f9400000 d65f03c0', 'f9400000 d65f03c0'],
  ])('%s', (_name, replacement, expected) => {
    expect(patched({ ...on, code: `d503201f d503201f ${replacement}`, entries })).toBe(expected);
  });

  test('ADRP from another page', () => {
    const filler = Array.from({ length: 0x1000 / 4 }, () => 'd503201f').join(' ');
    // adrp x0, .+0x1000 on the next page: .+0x2000 on this one
    const one = {
      ...on,
      code: `${filler} b0000000`,
      entries: [{ to: 0x1000, cpucap: 43, lengths: [4, 4] as const }],
    };
    expect(patched(one)).toBe('d0000000 d503201f');
  });

  test.each([
    ['LDR of a literal', '58000040 d503201f', [8, 8], 'loads a literal'],
    ['ADR', '10000040 d503201f', [8, 8], 'loads a literal'],
    ['another length', 'd503201f d503201f', [8, 4], 'another length'],
  ] as const)('%s stops the kernel', (_name, replacement, lengths, reason) => {
    const one = { code: `d503201f d503201f ${replacement}`, entries: [{ to: 8, cpucap: 43, lengths }] };
    const { image, refusal } = apply({ ...on, ...one });
    expect(refusal?.errno).toBe('EFAULT');
    expect(refusal?.reason).toContain(reason);
    expect(image.writes).toEqual([]);
    expect(apply({ release: '7.3', ...one }).refusal).toBeUndefined();
  });

  test('the later of two entries for one place wins', () => {
    const one = {
      release: '7.3',
      code: '11111111 d503201f 22222222 d503201f 33333333 d503201f',
      entries: [
        { to: 8, cpucap: 43, lengths: [8, 8] as const },
        { to: 16, cpucap: 2, lengths: [8, 8] as const },
      ],
    };
    expect(patched({ ...one, features: { HAS_LSE_ATOMICS: true, BTI: true } })).toBe('33333333 d503201f');
    expect(patched({ ...one, features: { HAS_LSE_ATOMICS: true, BTI: false } })).toBe('22222222 d503201f');
  });
});

describe('callbacks', () => {
  const branch = '14000010 d503201f';
  const cpucap = 0x8000 + 43;
  const on = { code: branch, features: { HAS_LSE_ATOMICS: true } };

  test('alt_cb_patch_nops() leaves NOPs', () => {
    const entries = [{ callback: nops, cpucap, lengths: [4, 0] as const }];
    expect(patched({ ...on, release: '7.3', code: '14000010 14000010', entries })).toBe('d503201f 14000010');
  });

  test('of another function is not simulated', () => {
    const entries = [{ callback: nops + 0x100n, cpucap, lengths: [4, 0] as const }];
    expect(patched({ ...on, release: '7.3', entries })).toBe(branch);
  });

  test('a callback with a replacement stops the kernel', () => {
    const entries = [{ callback: nops, cpucap, lengths: [4, 4] as const }];
    expect(apply({ ...on, release: '7.3', entries }).refusal).toMatchObject({ errno: 'EFAULT' });
  });

  test.each([
    ['6.17', 'bit 43', undefined],
    ['6.18', 'bit 43', 'ENOEXEC'],
    ['7.3', 'HAS_LSE_ATOMICS', 'ENOEXEC'],
  ])('%s and one in the module', (release, name, errno) => {
    const entries = [{ callback: code, cpucap, lengths: [4, 0] as const }];
    const features = { [name]: true };
    expect(apply({ release, code: branch, entries, features }).refusal?.errno).toBe(errno);
    expect(
      apply({ release, code: branch, entries, features, symbols: { alt_cb_patch_nops: nops } }).refusal
        ?.errno,
    ).toBe(errno);
    expect(apply({ release, code: branch, entries, features: { [name]: false } }).refusal).toBeUndefined();
  });

  test('before 6.1 an entry without replacement is one on every machine', () => {
    const entries = [{ callback: nops, cpucap: 58, lengths: [4, 0] as const }];
    const { image } = apply({ release: '5.10.223', code: branch, entries });
    expect(image.questions).toEqual([]);
    expect(image.words(code, 4)).toBe('d503201f');
  });
});

test('a module without alternatives', () => {
  const image = testImage({ sections: [] });
  expect(applyAlternatives(image)).toBeUndefined();
});
