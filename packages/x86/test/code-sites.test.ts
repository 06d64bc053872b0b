import { describe, expect, test } from 'vitest';
import { ftraceSite } from '../src/ftrace.ts';
import { jumpLabel } from '../src/jump-label.ts';
import { staticCall } from '../src/static-calls.ts';
import { hex, testImage, toHex, type TestImage } from './test-image.ts';

const text = 0xffffffffc0200000n;

function codeAt(
  code: string,
  more: {
    readonly release?: string;
    readonly symbols?: Readonly<Record<string, bigint>>;
    readonly values?: Readonly<Record<string, bigint>>;
    readonly features?: Readonly<Record<string, boolean>>;
  } = {},
): TestImage {
  return testImage({
    release: '6.12.107',
    sections: [{ name: '.text', address: text, bytes: hex(code) }],
    ...more,
  });
}

describe('jump labels', () => {
  const site = { code: text, target: text + 0x60n, key: 0n, branch: false };

  test('the instruction in place decides the length', () => {
    const near = codeAt('0f1f440000');
    expect(toHex(jumpLabel.encode(near, site, true))).toBe('e9 5b 00 00 00');
    expect(toHex(jumpLabel.encode(near, site, false))).toBe('0f 1f 44 00 00');
    for (const short of ['6690cccccc', 'eb5ecccccc']) {
      expect(toHex(jumpLabel.encode(codeAt(short), site, true))).toBe('eb 5e');
      expect(toHex(jumpLabel.encode(codeAt(short), site, false))).toBe('66 90');
    }
    expect(toHex(jumpLabel.encode(codeAt('e95b000000'), { ...site, target: text - 0x10n }, true))).toBe(
      'e9 eb ff ff ff',
    );
  });
});

describe('ftrace', () => {
  test('the call of __fentry__ becomes a nop, a nop stays', () => {
    const [site] = ftraceSite.encode(codeAt('e8fb0fe0c0'), text, 0);
    expect(site?.address).toBe(text);
    expect(toHex(site?.bytes)).toBe('0f 1f 44 00 00');
    expect(ftraceSite.encode(codeAt('0f1f440000'), text, 0)).toEqual([]);
  });
});

describe('static calls', () => {
  const symbols = {
    function: 0xffffffff81001000n,
    __static_call_return0: 0xffffffff81002000n,
    __WARN_trap: 0xffffffff81003000n,
    __raw_callee_save___native_queued_spin_unlock: 0xffffffff81004000n,
    __static_call_return: 0xffffffff81005000n,
    __x86_return_thunk: 0xffffffff81006000n,
    srso_return_thunk: 0xffffffff81007000n,
    its_return_thunk: 0xffffffff81008000n,
  };
  const call = { address: text, key: 0n, tail: false };
  const tail = { ...call, tail: true };
  const plain = { RETHUNK: false };

  test('calls', () => {
    const image = codeAt('e800000000', { symbols });
    expect(toHex(staticCall.encode(image, call, symbols.function))).toBe('e8 fb 0f e0 c0');
    expect(toHex(staticCall.encode(image, call, 0n))).toBe('0f 1f 44 00 00');
    expect(staticCall.decode(image, call, hex('e8fb0fe0c0'))).toBe(symbols.function);
    expect(staticCall.decode(image, call, hex('0f1f440000'))).toBe(0n);
    // In the middle of a function; no call at all.
    expect(staticCall.decode(image, call, hex('e8fc0fe0c0'))).toBeUndefined();
    expect(staticCall.decode(image, call, hex('cccccccccc'))).toBeUndefined();
  });

  test.each([
    ['__static_call_return0', '6.1.176', '2e 2e 2e 31 c0'],
    ['__static_call_return0', '7.3-rc7', '2e 2e 2e 31 c0'],
    ['__WARN_trap', '6.12.107', 'e8 fb 2f e0 c0'],
    ['__WARN_trap', '7.3-rc7', '67 48 0f b9 3a'],
    ['__raw_callee_save___native_queued_spin_unlock', '6.12.107', 'e8 fb 3f e0 c0'],
    ['__raw_callee_save___native_queued_spin_unlock', '7.3-rc7', '3e 3e c6 07 00'],
  ] as const)('%s in %s', (name, release, bytes) => {
    const image = codeAt('e800000000', { symbols, release });
    expect(toHex(staticCall.encode(image, call, symbols[name]))).toBe(bytes);
    expect(staticCall.decode(image, call, hex(bytes))).toBe(symbols[name]);
  });

  test('tail calls', () => {
    const image = codeAt('e900000000', { symbols, features: plain });
    expect(toHex(staticCall.encode(image, tail, symbols.function))).toBe('e9 fb 0f e0 c0');
    expect(toHex(staticCall.encode(image, tail, 0n))).toBe('c3 cc cc cc cc');
    expect(staticCall.decode(image, tail, hex('e9fb0fe0c0'))).toBe(symbols.function);
    expect(staticCall.decode(image, tail, hex('c3cccccccc'))).toBe(0n);
    expect(staticCall.decode(image, tail, hex('e8fb0fe0c0'))).toBeUndefined();
  });

  test('a tail call of nothing goes to the return thunk', () => {
    const image = codeAt('e900000000', { symbols, values: { x86_return_thunk: symbols.srso_return_thunk } });
    expect(toHex(staticCall.encode(image, tail, 0n))).toBe('e9 fb 6f e0 c0');
    expect(staticCall.decode(image, tail, hex('e9fb6fe0c0'))).toBe(0n);
  });

  describe('conditional tail calls', () => {
    const code = '0f8500000000';

    test('of a function', () => {
      const image = codeAt(code, { symbols, features: plain });
      expect(toHex(staticCall.encode(image, tail, symbols.function))).toBe('0f 85 fa 0f e0 c0');
      expect(staticCall.decode(image, tail, hex('0f85fa0fe0c0'))).toBe(symbols.function);
    });

    test('of nothing, without return thunks', () => {
      const image = codeAt(code, { symbols, features: plain });
      expect(toHex(staticCall.encode(image, tail, 0n))).toBe('0f 85 fa 4f e0 c0');
      expect(staticCall.decode(image, tail, hex('0f85fa4fe0c0'))).toBe(0n);
    });

    test('of nothing, with the thunk: 6.1 takes the one of the compiler', () => {
      const values = { x86_return_thunk: symbols.srso_return_thunk };
      expect(toHex(staticCall.encode(codeAt(code, { symbols, values }), tail, 0n))).toBe('0f 85 fa 6f e0 c0');
      expect(toHex(staticCall.encode(codeAt(code, { symbols, values, release: '6.1.176' }), tail, 0n))).toBe(
        '0f 85 fa 5f e0 c0',
      );
    });

    test('five bytes of one are not enough', () => {
      expect(
        staticCall.decode(codeAt(code, { symbols, features: plain }), tail, hex('0f85fa0fe0')),
      ).toBeUndefined();
    });
  });
});
