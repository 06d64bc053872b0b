import { describe, expect, test } from 'vitest';
import { patchReturns } from '../src/return-thunks.ts';
import {
  derive,
  hex,
  little,
  siteList,
  testImage,
  type TestImage,
  type TestImageInput,
} from './test-image.ts';

const text = 0xffffffffc0200000n;
const table = 0xffffffffc0300000n;

describe('returns', () => {
  const compilerThunk = 0xffffffff81006000n;
  const symbols = {
    __x86_return_thunk: compilerThunk,
    its_return_thunk: 0xffffffff81008000n,
    call_depth_return_thunk: 0xffffffff81009000n,
    function: 0xffffffff8100a000n,
  };
  /** A jump at an offset of the text. */
  const returns = (
    target: bigint,
    offset: bigint,
    more: Partial<TestImageInput> = {},
    behind = '',
  ): TestImage => {
    const site = text + offset;
    const bytes = new Uint8Array(0x80).fill(0xcc);
    bytes.set([0xe9, ...little(target - site - 5n, 4), ...hex(behind)], Number(offset));
    const image = testImage({
      release: '7.3-rc7',
      sections: [
        { name: '.text', address: text, bytes },
        { name: '.return_sites', address: table, bytes: siteList(table, [site]) },
      ],
      symbols,
      ...more,
    });
    patchReturns(image);
    return image;
  };

  test('plain ones, where nothing guards them', () => {
    const image = returns(compilerThunk, 0n, { features: { RETHUNK: false } });
    expect(image.hex(text, 5)).toBe('c3 cc cc cc cc');
    expect(image.questions).toEqual([]);
  });

  test('jumps to the thunk of the mitigation', () => {
    const values = { x86_return_thunk: symbols.call_depth_return_thunk };
    expect(returns(compilerThunk, 0n, { values }).hex(text, 5)).toBe('e9 fb 8f e0 c0');
  });

  test('the one against indirect target selection guards the lower half of each line', () => {
    const values = { x86_return_thunk: symbols.its_return_thunk };
    expect(returns(compilerThunk, 0x1fn, { values }).hex(text + 0x1fn, 5)).toBe('e9 dc 7f e0 c0');
    expect(returns(compilerThunk, 0x20n, { values }).hex(text + 0x20n, 5)).toBe('c3 cc cc cc cc');
  });

  test('what memory tells', () => {
    const image = returns(compilerThunk, 0n);
    expect(derive(image, 'x86_return_thunk', 'c3cccccccc')).toBe('none');
    expect(derive(image, 'x86_return_thunk', 'e9fb7fe0c0')).toBe('its_return_thunk');
    expect(derive(image, 'x86_return_thunk', 'e9fb5fe0c0')).toBe('__x86_return_thunk');
    expect(derive(image, 'x86_return_thunk', 'e9fb9fe0c0')).toBeUndefined();
    expect(derive(image, 'x86_return_thunk', 'c390909090')).toBeUndefined();
  });

  test('what returns in the upper half of a cache line tell', () => {
    const upper = returns(compilerThunk, 0x20n);
    // A plain one may be guarded by its_return_thunk in the lower half; a kernel without that has no thunk.
    expect(derive(upper, 'x86_return_thunk', 'c3cccccccc')).toBeUndefined();
    const { its_return_thunk: _, ...older } = symbols;
    const before = returns(compilerThunk, 0x20n, { symbols: older });
    expect(derive(before, 'x86_return_thunk', 'c3cccccccc')).toBe('none');
    // All other thunks guard both halves; a jump to its_return_thunk is nothing that the kernel writes here.
    expect(derive(upper, 'x86_return_thunk', 'e9db8fe0c0')).toBe('call_depth_return_thunk');
    expect(derive(upper, 'x86_return_thunk', 'e9db5fe0c0')).toBe('__x86_return_thunk');
    expect(derive(upper, 'x86_return_thunk', 'e9db7fe0c0')).toBeUndefined();
  });

  test('other jumps stay', () => {
    expect(returns(symbols.function, 0n, { features: { RETHUNK: false } }).writes).toEqual([]);
  });

  test('a return in a trampoline of a static call', () => {
    const values = { x86_return_thunk: symbols.call_depth_return_thunk };
    const trampoline = (code: string): string => {
      const image = testImage({
        release: '7.3-rc7',
        sections: [
          { name: '.static_call.text', address: text, bytes: hex(code) },
          { name: '.return_sites', address: table, bytes: siteList(table, [text]) },
        ],
        symbols,
        values,
      });
      patchReturns(image);
      return image.hex(text, 8);
    };
    expect(trampoline('c3cccccccc 0fb9cc')).toBe('e9 fb 8f e0 c0 0f b9 cc');
    expect(trampoline('c3cccccccc cccccc')).toBe('c3 cc cc cc cc cc cc cc');
  });
});
