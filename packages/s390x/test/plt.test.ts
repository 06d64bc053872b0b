import { describe, expect, test } from 'vitest';
import { expolineEntry, plainEntry, thunk, usesThunk, writeEntry } from '../src/plt.ts';
import { testImage, toHex } from './test-image.ts';

describe('an entry', () => {
  test('branches by itself, as in the memory of a 6.1 kernel', () => {
    expect(toHex(plainEntry(0x668500n))).toBe('0d10e310100c000407f1000000000000000000668500');
  });

  test('branches through the thunk that ends the PLT', () => {
    const entry = expolineEntry(0x3ff80001018n, 0x3ffe0123456n, 0x3ff80001018n + 22n * 4n);
    // brcl 15,.+0x50 stands at 8: 0x28 halfwords.
    expect(toHex(entry)).toBe('0d10e310100c0004c0f400000028000003ffe0123456');
  });

  test('the thunk: exrl %r0,.+10; j .; br %r1', () => {
    expect(toHex(thunk)).toBe('c60000000005a7f4000007f1');
  });
});

const address = 0x3ff80001018n;
const empty = '00'.repeat(44);
const zeros: readonly [bigint, string][] = [[address, empty]];

describe('writing', () => {
  test.each([
    [true, 'plt 0x3ff80001018 0d10e310100c0004c0f400000007000003ffe0123456'],
    [false, 'plt 0x3ff80001018 0d10e310100c000407f100000000000003ffe0123456'],
  ])('with expolines %s as the machine description says', (expoline, write) => {
    const image = testImage({ memory: zeros, features: { expoline } });
    writeEntry(image, address, 0x3ffe0123456n, address + 22n);
    expect(image.writes).toEqual([write]);
    expect(image.questions.filter(({ kind }) => kind === 'feature')).toEqual([]);
  });

  test('what the description does not tell is asked, with the bytes of both', () => {
    const image = testImage({ memory: zeros });
    expect(usesThunk(image, address, address + 22n)).toBe(false);
    expect(
      image.questions.map(({ kind, id, candidates }) => [
        kind,
        id,
        candidates.map(({ answer, bytes }) => [answer, toHex(bytes)]),
      ]),
    ).toEqual([
      [
        'feature',
        'expoline',
        [
          ['off', '0d10e310100c000407f1'],
          ['on', '0d10e310100c0004c0f400000007'],
        ],
      ],
    ]);
    expect(usesThunk(testImage({ memory: zeros, answers: { expoline: 'on' } }), address, address + 22n)).toBe(
      true,
    );
  });

  test('bytes 12 and 13 come from the stack: zero, or what memory says, under a cause of its own', () => {
    const image = testImage({ memory: zeros, features: { expoline: false } });
    writeEntry(image, address, 0x1234n, address + 22n);
    const [question] = image.questions;
    expect(question).toMatchObject({
      kind: 'kernel-chosen',
      id: 'PLT bytes 0x3ff80001024',
      address: address + 12n,
    });
    const derive = (...bytes: number[]): string | undefined =>
      question?.derive?.(Uint8Array.from(bytes), () => undefined);
    expect(derive(0, 0)).toBeUndefined();
    expect(derive(0x03, 0xff)).toBe('0x3ff');
    const filled = testImage({
      memory: zeros,
      features: { expoline: false },
      answers: { 'PLT bytes 0x3ff80001024': '0x3ff' },
    });
    writeEntry(filled, address, 0x1234n, address + 22n);
    expect(filled.hex(address, 22)).toBe('0d10e310100c000407f1000003ff0000000000001234');
    expect(filled.writes.at(-1)).toBe('kernel-chosen 0x3ff80001024 03ff');
  });
});
