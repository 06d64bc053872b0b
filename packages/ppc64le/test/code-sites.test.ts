import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { ppc64le } from '@kelp/ppc64le';
import { makeFtraceStubs } from '../src/ftrace.ts';
import { code, fixture, quad, testImage, toHex, type TestImage, type TestImageInput } from './test-image.ts';

const text = 0xc008_0000_0075_0000n;
const nop = 0x6000_0000;
const mflr = 0x7c08_02a6;
const store = 0xf801_0010;
const call = 0x4bff_ffe1;

describe('a jump label', () => {
  const image = testImage({ memory: [['.text', text, code(nop, nop)]] });
  const site = { code: text, target: text - 0x20n, key: 0n, branch: false };

  test.each([
    [true, 0x4bff_ffe0],
    [false, nop],
  ])('that jumps: %s', (jumps, word) => {
    expect(toHex(ppc64le.jumpLabel?.encode(image, site, jumps))).toBe(code(word));
  });

  test('out of reach stays as it is', () => {
    const far = { ...site, target: text + 0x200_0000n };
    expect(toHex(ppc64le.jumpLabel?.encode(image, far, true))).toBe(code(nop));
  });
});

/** What is written for a function whose entry is the third of these words. */
function written(
  release: string,
  table: string,
  values: readonly number[],
  more: Partial<TestImageInput> = {},
): readonly string[] {
  const image = testImage({
    kernel: parseKernel(release),
    memory: [
      ['.text', text, code(...values)],
      [table, text + 0x1_0000n, quad(text + 8n)],
    ],
    ...more,
  });
  const sites = ppc64le.ftraceSite?.encode(image, text + 8n, 0) ?? [];
  return sites.map(({ address, bytes }) => `${address - text} ${toHex(bytes)}`);
}

describe('a call of _mcount', () => {
  test.each(['6.1', '6.12', '7.3'])('becomes a nop in %s', (release) => {
    expect(written(release, '__mcount_loc', [0, mflr, call])).toEqual([`8 ${code(nop)}`]);
  });

  test.each([
    ['6.1', [`8 ${code(nop)}`]],
    ['6.12', [`8 ${code(nop)}`]],
    ['7.3', [`4 ${code(nop)}`, `8 ${code(nop)}`]],
  ])('behind a store of the link register, in %s', (release, expected) => {
    expect(written(release, '__mcount_loc', [mflr, store, call])).toEqual(expected);
  });

  test.each([
    ['no mflr before it', [0, 0, call]],
    ['a store without mflr', [0, store, call]],
    ['no call', [0, mflr, nop]],
  ])('%s: nothing is written', (_, values) => {
    expect(written('6.12', '__mcount_loc', values)).toEqual([]);
  });
});

describe('patchable function entries in 6.12', () => {
  test('two nops: the first saves the link register', () => {
    expect(written('6.12', '__patchable_function_entries', [0, 0, nop, nop])).toEqual([`8 ${code(mflr)}`]);
  });

  test('anything else stays', () => {
    expect(written('6.12', '__patchable_function_entries', [0, 0, nop, 0])).toEqual([]);
  });
});

describe('traced functions with a call', () => {
  const caller = text + 0x100_0000n;
  const far = 0xc000_0000_0007_7204n;
  const stubs = text + 0x4_0000n;

  function calls(release: string, table: string, values: readonly number[], regs = far): readonly string[] {
    const image = testImage({
      kernel: parseKernel(release),
      memory: [
        ['.text', text, code(...values)],
        ['.stubs', stubs, '00'.repeat(400)],
        [table, text + 0x1_0000n, quad(text + 8n)],
      ],
      symbols: { ftrace_caller: caller, ftrace_regs_caller: regs, '.TOC.': 0xc000_0000_01ef_9100n },
    });
    const site = ppc64le.ftraceSite?.traced?.(image, text + 8n, 0);
    expect(toHex(site?.untraced)).toBe(site === undefined ? '' : code(nop));
    return (site?.calls() ?? []).map(
      ({ tracer, bytes }) => `${(site?.address ?? 0n) - text} ${tracer} ${toHex(bytes)}`,
    );
  }

  // as: bl .+0xfffff8; bl to the second stub, which has 40 bytes
  const expected = [`8 ftrace_caller ${code(0x48ff_fff9)}`, `8 ftrace_regs_caller ${code(0x4804_0021)}`];

  test.each(['6.1', '6.12', '7.3'])('of _mcount, in reach and through a stub, in %s', (release) => {
    expect(calls(release, '__mcount_loc', [0, mflr, nop])).toEqual(expected);
  });

  test('behind a store, and where the store became a nop', () => {
    expect(calls('6.1', '__mcount_loc', [mflr, store, nop])).toEqual(expected);
    expect(calls('7.3', '__mcount_loc', [mflr, nop, nop])).toEqual(expected);
  });

  test('the second nop of a patchable entry in 6.12', () => {
    const found = calls('6.12', '__patchable_function_entries', [0, 0, mflr, nop]);
    expect(found).toEqual([
      `12 ftrace_caller ${code(0x48ff_fff5)}`,
      `12 ftrace_regs_caller ${code(0x4804_001d)}`,
    ]);
  });

  test('other code is no site', () => {
    expect(calls('6.1', '__mcount_loc', [0, mflr, call])).toEqual([]);
    expect(calls('6.1', '__mcount_loc', [0, 0x3860_0000, nop])).toEqual([]);
  });
});

describe('patchable function entries in 7.3', () => {
  const stubs = 0xc008_0000_0079_1a88n;
  const caller = 0xc000_0000_0007_7204n;
  const regsCaller = 0xc000_0000_0007_7038n;
  const operations = 0xc000_0000_014a_1f78n;
  const entry = 0xc008_0000_0075_1010n;
  const symbols = {
    ftrace_caller: caller,
    ftrace_regs_caller: regsCaller,
    '.TOC.': 0xc000_0000_01ef_9100n,
    ftrace_nop_ops: operations,
  };

  function traced(
    more: Partial<TestImageInput> = {},
    slots = 10,
    present = code(nop, 0xe925_0000),
  ): TestImage {
    return testImage({
      object: fixture('hello-7.3.ko'),
      memory: [
        ['.text', entry, present],
        ['.stubs', stubs, '00'.repeat(slots * 40)],
        ['__patchable_function_entries', text + 0x10_0000n, quad(entry)],
      ],
      symbols,
      ...more,
    });
  }

  test('the stubs for ftrace are those of a 7.3 kernel', () => {
    const image = traced();
    expect(makeFtraceStubs(image)).toBeUndefined();
    const magic = 0x7374_7562;
    const tail = [0x7d89_03a6, 0x4e80_0420, 0, 0, magic];
    expect(image.hex(stubs, 80)).toBe(
      code(0xe98d_0010, 0x3d8c_fe18, 0x398c_e104, ...tail) +
        quad(caller) +
        code(0xe98d_0010, 0x3d8c_fe18, 0x398c_df38, ...tail) +
        quad(regsCaller),
    );
  });

  test('each function gets the out-of-line sequence of its number', () => {
    const sites = ppc64le.ftraceSite?.encode(traced(), entry, 0) ?? [];
    expect(sites.map(({ address, bytes }) => [address - stubs, toHex(bytes)])).toEqual([
      // The 7.3 kernel had bl .-0x5c and b .-0x40ad8 here.
      [88n, code(mflr, 0x4bff_ffa5, 0x7c08_03a6, 0x4bfb_f528)],
      [80n, quad(operations)],
    ]);
    const second = ppc64le.ftraceSite?.encode(traced(), entry, 1) ?? [];
    expect(second.map(({ address }) => address - stubs)).toEqual([112n, 104n]);
  });

  test('the operations are asked for where no symbol tells', () => {
    const { ftrace_nop_ops: _, ...others } = symbols;
    const image = traced({ symbols: others });
    const [, pointer] = ppc64le.ftraceSite?.encode(image, entry, 0) ?? [];
    expect(pointer).toMatchObject({ address: stubs + 80n, cause: 'kernel-chosen' });
    expect(image.questions[0]).toMatchObject({
      kind: 'kernel-chosen',
      id: 'ftrace_nop_ops',
      address: stubs + 80n,
    });
    expect(
      image.questions[0]?.derive?.(Uint8Array.from(Buffer.from(quad(operations), 'hex')), () => undefined),
    ).toBe('0xc0000000014a1f78');
  });

  test('a traced function branches to its sequence, which calls the tracer', () => {
    const sequence = stubs + 88n;
    const answers = {
      [`out of line 0x${(sequence + 4n).toString(16)}`]: 'ftrace_regs_caller',
      [`ftrace_ops at 0x${(stubs + 80n).toString(16)}`]: '0xc0000000014a2000',
    };
    const site = ppc64le.ftraceSite?.traced?.(traced({ answers }), entry, 0);
    expect([site?.address, toHex(site?.untraced)]).toEqual([entry, code(nop)]);
    const [only, ...others] = site?.calls() ?? [];
    expect(others).toEqual([]);
    // as: b .+0x40ad0; the sequence: bl to the second stub, 0x34 before it
    expect([only?.tracer, toHex(only?.bytes)]).toEqual(['its out-of-line sequence', code(0x4804_0ad0)]);
    expect(only?.others?.().map(({ address, bytes, cause }) => [address, toHex(bytes), cause])).toEqual([
      [sequence + 4n, code(0x4bff_ffcd), undefined],
      [stubs + 80n, quad(0xc000_0000_014a_2000n), 'kernel-chosen'],
    ]);
  });

  test('the sequence tells which of the two it calls, and the pointer in front of it for whom', () => {
    const image = traced();
    ppc64le.ftraceSite?.traced?.(image, entry, 0)?.calls()[0]?.others?.();
    const [calls, pointer] = image.questions;
    expect(calls?.candidates.map(({ answer, bytes }) => [answer, toHex(bytes)])).toEqual([
      ['ftrace_caller', code(0x4bff_ffa5)],
      ['ftrace_regs_caller', code(0x4bff_ffcd)],
    ]);
    const derive = (value: bigint): string | undefined =>
      pointer?.derive?.(Uint8Array.from(Buffer.from(quad(value), 'hex')), () => undefined);
    expect(derive(operations)).toBe('0xc0000000014a1f78');
    expect(derive(operations + 1n)).toBeUndefined();
  });

  test('a function without the nop, or without a sequence, is not traced', () => {
    expect(ppc64le.ftraceSite?.traced?.(traced({}, 10, code(0, 0)), entry, 0)).toBeUndefined();
    expect(ppc64le.ftraceSite?.traced?.(traced(), entry, 8)).toBeUndefined();
  });

  test('clang lists the global entry point: the nop stands behind it', () => {
    const image = traced({}, 10, code(0xe84c_fff8, 0x7c42_6214, nop, 0));
    const [sequence] = ppc64le.ftraceSite?.encode(image, entry, 0) ?? [];
    // b to the word behind the nop, 8 bytes farther than above.
    expect(toHex(sequence?.bytes)).toBe(code(mflr, 0x4bff_ffa5, 0x7c08_03a6, 0x4bfb_f530));
  });

  test('a function without the nop, or more functions than were counted: nothing is written', () => {
    expect(ppc64le.ftraceSite?.encode(traced({}, 10, code(0, 0)), entry, 0)).toEqual([]);
    expect(ppc64le.ftraceSite?.encode(traced(), entry, 8)).toEqual([]);
  });

  test('no room for the stubs, or for the sequences, refuses the module', () => {
    expect(makeFtraceStubs(traced({}, 1))).toMatchObject({ errno: 'ENOENT' });
    expect(makeFtraceStubs(traced({}, 6))).toMatchObject({ errno: 'ENOENT' });
    expect(makeFtraceStubs(traced({}, 7))).toBeUndefined();
    expect(makeFtraceStubs(traced({ values: { 'kernel-toc': 0x1000n } }))).toMatchObject({ errno: 'ENOENT' });
  });

  test('an unknown address of ftrace_caller refuses the module', () => {
    expect(makeFtraceStubs(traced({ symbols: { '.TOC.': symbols['.TOC.'] } }))).toMatchObject({
      errno: 'ENOENT',
    });
  });
});
