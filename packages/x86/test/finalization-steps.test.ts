import { describe, expect, test } from 'vitest';
import { sealEndbr } from '../src/ibt.ts';
import { sortOrcTables } from '../src/orc.ts';
import { dropLockPrefixes } from '../src/smp-locks.ts';
import { patchTrampolines } from '../src/static-calls.ts';
import {
  hex,
  little,
  siteList,
  testImage,
  toHex,
  type TestImage,
  type TestImageInput,
} from './test-image.ts';

const text = 0xffffffffc0200000n;
const table = 0xffffffffc0300000n;

const seal = (release: string, code: string): TestImage => {
  const image = testImage({
    release,
    sections: [
      { name: '.text', address: text, bytes: hex(code) },
      { name: '.ibt_endbr_seal', address: table, bytes: siteList(table, [text]) },
    ],
  });
  sealEndbr(image);
  return image;
};

describe('IBT', () => {
  test('poison by version', () => {
    expect(seal('6.1.176', 'f30f1efac3').hex(text, 5)).toBe('66 0f 1f 00 c3');
    expect(seal('6.12.107', 'f30f1efac3').hex(text, 5)).toBe('66 0f 1f 00 c3');
    expect(seal('6.18', 'f30f1efac3').hex(text, 5)).toBe('0f 1f 40 d6 c3');
    expect(seal('7.3-rc7', 'f30f1efac3').hex(text, 5)).toBe('0f 1f 40 d6 c3');
  });

  test('other instructions stay', () => {
    expect(seal('7.3-rc7', '909090909090').writes).toEqual([]);
  });
});

const locks = (
  release: string,
  features: TestImageInput['features'] = { UP: true },
  smp = false,
): TestImage => {
  const lock = hex('f0ff00 c3');
  const sites = [text, text + 0x1000n, text + 0x2000n, text + 1n];
  const image = testImage({
    release,
    sections: [
      { name: '.text', address: text, bytes: lock },
      { name: '.text.unlikely', address: text + 0x1000n, bytes: lock },
      { name: '.init.text', address: text + 0x2000n, bytes: lock, init: true },
      { name: '.smp_locks', address: table, bytes: siteList(table, sites) },
    ],
    features,
    smp,
  });
  dropLockPrefixes(image);
  return image;
};

describe('locks', () => {
  test('up to 6.3 those of .text, since 6.4 those of all code that stays', () => {
    expect(locks('6.1.176').writes).toEqual(['smp-lock 0xffffffffc0200000']);
    expect(locks('6.4').writes).toEqual(['smp-lock 0xffffffffc0200000', 'smp-lock 0xffffffffc0201000']);
    expect(locks('6.12.107').hex(text, 4)).toBe('3e ff 00 c3');
  });

  test('stay on several CPUs', () => {
    expect(locks('6.12.107', { UP: false }).writes).toEqual([]);
    expect(locks('6.12.107', {}, true).questions).toEqual([]);
    const asked = locks('6.12.107', {});
    expect(asked.writes).toEqual([]);
    expect(asked.questions[0]).toMatchObject({ kind: 'feature', id: 'UP', address: text });
  });
});

function word(value: number): string {
  return toHex(Uint8Array.from(little(value, 2)));
}

describe('ORC', () => {
  test.each([
    // sp_reg and end; since 6.4 the type.
    ['6.1.176', 0x0005, 0x0000, 0x0400],
    ['6.3', 0x0005, 0x0000, 0x0800],
    ['6.4', 0x0205, 0x0005, 0x0100],
    ['7.3-rc7', 0x0205, 0x0005, 0x0100],
  ])('%s: entries go by address, a terminator before its equal', (release, real, terminator, endOfStack) => {
    const addresses = [text + 8n, text + 4n, text + 8n];
    const bits = [real, endOfStack, terminator];
    const image = testImage({
      release,
      sections: [
        { name: '.text', address: text, bytes: new Uint8Array(16) },
        { name: '.orc_unwind_ip', address: table, bytes: siteList(table, addresses) },
        {
          name: '.orc_unwind',
          address: table + 0x100n,
          bytes: Uint8Array.from(
            bits.flatMap((value) => [...little(8, 2), ...little(0, 2), ...little(value, 2)]),
          ),
        },
      ],
    });
    sortOrcTables(image);
    const sorted = [0n, 1n, 2n].map((entry) => image.hex(table + 0x104n + entry * 6n, 2));
    expect(sorted).toEqual([word(endOfStack), word(terminator), word(real)]);
    expect(toHex(image.read(table, 12))).toBe(toHex(siteList(table, [text + 4n, text + 8n, text + 8n])));
  });
});

describe('trampolines of static calls', () => {
  const symbols = { first: 0xffffffff81001000n, second: 0xffffffff81002000n };
  const trampoline = (answers: Readonly<Record<string, string>>): TestImage => {
    const image = testImage({
      release: '7.3-rc7',
      sections: [
        { name: '.static_call.text', address: text, bytes: hex('e9fb0fe0c0 0fb9cc') },
        { name: '.data', address: table, bytes: new Uint8Array(16) },
      ],
      own: [
        { name: '__SCT__call', section: 1, value: 0n },
        { name: '__SCK__call', section: 2, value: 8n },
      ],
      symbols,
      features: { RETHUNK: false },
      answers,
    });
    patchTrampolines(image);
    return image;
  };

  test('keep their first function, or name what the key names', () => {
    expect(trampoline({}).writes).toEqual([]);
    const key = '0xffffffffc0300008';
    expect(trampoline({}).questions[0]).toMatchObject({ kind: 'static-call', id: key, address: text });
    expect(trampoline({ [key]: '0xffffffff81002000' }).hex(text, 8)).toBe('e9 fb 1f e0 c0 0f b9 cc');
    expect(trampoline({ [key]: '0x0' }).hex(text, 8)).toBe('c3 cc cc cc cc 0f b9 cc');
  });
});
