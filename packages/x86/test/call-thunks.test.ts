import { STB_GLOBAL, STT_FUNC } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import {
  callThunk,
  functionOfThunk,
  patchCallSites,
  patchCallSitesAndAlternatives,
  patchThunksForOthers,
} from '../src/call-thunks.ts';
import { staticCall } from '../src/static-calls.ts';
import { derive, hex, little, siteList, testImage, type TestImage } from './test-image.ts';

// Made up: a module with a caller at 0, functions with 16 bytes of padding at 0x40 and 0x60, one without padding at
// 0x80, and one in init text. Of the kernel: printk, __fentry__, and the counter where 7.3 has it.
const text = 0xffffffffc0400000n;
const initText = 0xffffffffc0500000n;
const table = 0xffffffffc0600000n;
const printk = 0xffffffff81100000n;
const fentry = 0xffffffff81200000n;
const symbols = {
  __x86_call_depth: 0xffffffff83e3c020n,
  pcpu_hot: 0x21000n,
  _printk: printk,
  __fentry__: fentry,
};

function call(site: bigint, target: bigint): string {
  return Buffer.from([0xe8, ...little(target - site - 5n, 4)]).toString('hex');
}

const targets = [text + 0x40n, printk, fentry, text + 0x80n, initText + 0x20n];

interface Options {
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly symbols?: Readonly<Record<string, bigint>>;
  /** The module has no list of calls. */
  readonly withoutCalls?: true;
  /** The calls that are listed; those at the start of the text without it. */
  readonly sites?: readonly bigint[];
}

function module(release: string, given: Options = {}): TestImage {
  const { withoutCalls, sites = targets.map((_, index) => text + BigInt(index * 5)), ...options } = given;
  const bytes = new Uint8Array(0x100).fill(0x90);
  for (const [index, target] of targets.entries())
    bytes.set(hex(call(text + BigInt(index * 5), target)), index * 5);
  bytes.fill(0xcc, 0x70, 0x80);
  return testImage({
    release,
    sections: [
      { name: '.text', address: text, bytes },
      { name: '.init.text', address: initText, bytes: new Uint8Array(0x40).fill(0x90), init: true },
      ...(withoutCalls === true
        ? []
        : [{ name: '.call_sites', address: table, bytes: siteList(table, sites) }]),
    ],
    own: [
      { name: 'padded', section: 1, value: 0x40n, type: STT_FUNC, binding: STB_GLOBAL },
      { name: 'other', section: 1, value: 0x60n, type: STT_FUNC, binding: STB_GLOBAL },
      { name: 'bare', section: 1, value: 0x80n, type: STT_FUNC, binding: STB_GLOBAL },
      { name: 'data', section: 1, value: 0xc0n, binding: STB_GLOBAL },
    ],
    symbols,
    ...options,
  });
}

const counting: Options = { features: { CALL_DEPTH: true } };

describe('call sites while calls are counted', () => {
  test.each([
    // sarq $5, %gs:0x21010; 10 bytes.
    ['6.2.16', 10n, '65 48 c1 3c 25 10 10 02 00 05'],
    // sarq $5, %gs:distance(%rip); 9 bytes: 0x21010 - (0xffffffffc0400040 - 9 + 9).
    ['6.12.107', 9n, '65 48 c1 3d d0 0f c2 3f 05'],
    // 0xffffffff83e3c020 - 0xffffffffc0400040.
    ['7.3-rc7', 9n, '65 48 c1 3d e0 bf a3 c3 05'],
  ])('%s', (release, length, thunk) => {
    const image = module(release, counting);
    patchCallSites(image);
    expect(image.hex(text + 0x40n - length, Number(length))).toBe(thunk);
    const at = (index: number): string => image.hex(text + BigInt(index * 5), 5).replaceAll(' ', '');
    expect(at(0)).toBe(call(text, text + 0x40n - length));
    expect(at(1)).toBe(call(text + 5n, printk - length));
    // Never counted; without padding; freed after init.
    expect(at(2)).toBe(call(text + 10n, fentry));
    expect(at(3)).toBe(call(text + 15n, text + 0x80n));
    expect(at(4)).toBe(call(text + 20n, initText + 0x20n));
    expect(image.hex(text + 0x70n, 16)).toBe(Array(16).fill('cc').join(' '));
    expect(new Set(image.writes.map((write) => write.split(' ')[0]))).toEqual(new Set(['call-thunk']));
  });

  test('nothing happens while they are not, and before 6.2', () => {
    for (const [release, feature] of [
      ['7.3-rc7', false],
      ['6.1.176', true],
    ] as const) {
      const image = module(release, { features: { CALL_DEPTH: feature } });
      patchCallSites(image);
      patchCallSitesAndAlternatives(image);
      patchThunksForOthers(image);
      expect(image.writes).toEqual([]);
      expect(image.questions).toEqual([]);
    }
  });

  test('a second call of a function uses its thunk', () => {
    const image = module('7.3-rc7', counting);
    expect(callThunk(image, text + 0x40n, text)).toBe(text + 0x37n);
    expect(callThunk(image, text + 0x40n, text + 5n)).toBe(text + 0x37n);
    expect(image.writes).toEqual(['call-thunk 0xffffffffc0400037']);
    expect(functionOfThunk(image, text + 0x37n)).toBe(text + 0x40n);
  });

  test('a function of the kernel may have no thunk', () => {
    const image = module('7.3-rc7', { ...counting, answers: { 'call thunk of 0xffffffff81100000': 'no' } });
    patchCallSites(image);
    expect(image.hex(text + 5n, 5).replaceAll(' ', '')).toBe(call(text + 5n, printk));
  });

  test('calls in alternatives, which 6.12 has replaced before', () => {
    const bytes = hex(call(text, text + 0x20n) + '90'.repeat(0x3b));
    const record = [...little(text - table, 4), ...little(0, 4), ...little(0, 4), 5, 5];
    const image = testImage({
      release: '6.12.107',
      sections: [
        { name: '.text', address: text, bytes },
        { name: '.altinstructions', address: table, bytes: Uint8Array.from(record) },
      ],
      symbols,
      ...counting,
    });
    patchCallSitesAndAlternatives(image);
    expect(image.hex(text, 5).replaceAll(' ', '')).toBe(call(text, text + 0x17n));
  });
});

describe('what memory tells', () => {
  test('the feature, by the first calls', () => {
    const image = module('7.3-rc7');
    patchCallSites(image);
    expect(image.writes).toEqual([]);
    const asked = image.questions.filter(({ id }) => id === 'CALL_DEPTH');
    expect(asked.map(({ address }) => address)).toEqual(targets.map((_, index) => text + BigInt(index * 5)));
    expect(derive(image, 'CALL_DEPTH', call(text, text + 0x37n))).toBe('on');
    expect(derive(image, 'CALL_DEPTH', call(text, text + 0x40n))).toBe('off');
    // A direct call of a function of the kernel says nothing.
    const foreign = asked[1];
    expect(foreign?.derive?.(hex(call(text + 5n, printk)), () => undefined)).toBeUndefined();
    expect(foreign?.derive?.(hex(call(text + 5n, printk - 9n)), () => undefined)).toBe('on');
  });

  test('the feature, by the padding of functions where the module calls nobody', () => {
    const image = module('7.3-rc7', { withoutCalls: true });
    patchThunksForOthers(image);
    expect(image.writes).toEqual([]);
    expect(image.questions.map(({ id, address }) => [id, address])).toEqual([
      ['CALL_DEPTH', text + 0x37n],
      ['CALL_DEPTH', text + 0x57n],
    ]);
    expect(derive(image, 'CALL_DEPTH', '65 48 c1 3d e0 bf a3 c3 05')).toBe('on');
    // Nobody may have called the function so far.
    expect(derive(image, 'CALL_DEPTH', '90 90 90 90 90 90 90 90 90')).toBeUndefined();
    expect(derive(image, 'CALL_DEPTH', '65 48 c1 3d e0 bf a3 c3 06')).toBeUndefined();
  });

  test('calls in init text, which is freed, are no witnesses', () => {
    const image = module('7.3-rc7', { sites: [...Array.from({ length: 8 }, () => initText), text] });
    patchCallSites(image);
    expect(image.questions.filter(({ id }) => id === 'CALL_DEPTH').map(({ address }) => address)).toContain(
      text,
    );
  });

  test('the address of the counter, where no symbol has it', () => {
    const image = module('7.3-rc7', { ...counting, symbols: { _printk: printk } });
    patchCallSites(image);
    expect(derive(image, 'x86_call_depth', '65 48 c1 3d e0 bf a3 c3 05')).toBe('0xffffffff83e3c020');
    expect(derive(image, 'x86_call_depth', '90 90 90 90 90 90 90 90 90')).toBeUndefined();
    // Without it no thunk is written, and no call goes to one.
    expect(image.hex(text, 5).replaceAll(' ', '')).toBe(call(text, text + 0x40n));
  });

  test('thunks that others have written', () => {
    const image = module('7.3-rc7', counting);
    patchThunksForOthers(image);
    expect(image.writes).toEqual([]);
    expect(image.questions.map(({ id, candidates }) => [id, candidates.length])).toEqual([
      ['call thunk of 0xffffffffc0400040', 2],
      ['call thunk of 0xffffffffc0400060', 2],
    ]);
    const known = module('7.3-rc7', { ...counting, answers: { 'call thunk of 0xffffffffc0400060': 'yes' } });
    patchThunksForOthers(known);
    expect(known.writes).toEqual(['kernel-chosen 0xffffffffc0400057']);
    expect(known.hex(text + 0x57n, 9)).toBe('65 48 c1 3d c0 bf a3 c3 05');
  });
});

test('static calls go to thunks, too', () => {
  const image = module('7.3-rc7', counting);
  const site = { address: text, key: 0n, tail: false };
  expect(staticCall.encode(image, site, printk)).toEqual(hex(call(text, printk - 9n)));
  expect(staticCall.decode(image, site, hex(call(text, printk - 9n)))).toBe(printk);
  expect(staticCall.decode(image, site, hex(call(text, printk - 8n)))).toBeUndefined();
});
