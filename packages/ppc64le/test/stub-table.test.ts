import { parseKernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { StubTable } from '../src/stub-table.ts';
import { code, quad, testImage, type TestImage, type TestImageInput } from './test-image.ts';

const stubs = 0xc008_0000_0079_0000n;
const toc = stubs + 0x8000n;
const target = 0xc000_0000_0012_3450n;

function image(slots: number, more: Partial<TestImageInput> = {}): TestImage {
  return testImage({ memory: [['.stubs', stubs, '00'.repeat(slots * 40)]], ...more });
}

function targetsOf(one: TestImage, slots: number): readonly string[] {
  return Array.from({ length: slots }, (_, slot) => one.hex(stubs + BigInt(slot * 40 + 32), 8));
}

describe('stub_for_addr()', () => {
  test('one stub for an address, in the order of asking', () => {
    const one = image(3);
    const table = new StubTable(one, toc);
    expect(table.stubFor(target, 'first')).toBe(stubs);
    expect(table.stubFor(target + 8n, 'second')).toBe(stubs + 40n);
    expect(table.stubFor(target, 'alias of the first')).toBe(stubs);
    expect(targetsOf(one, 3)).toEqual([quad(target), quad(target + 8n), quad(0n)]);
    expect(one.writes.map((write) => write.split(' ')[0])).toEqual(['stub', 'stub', 'stub', 'stub']);
  });

  test('finds no slot in a full table', () => {
    const table = new StubTable(image(1), toc);
    table.stubFor(target, 'first');
    expect(table.stubFor(target + 8n, 'second')).toBeUndefined();
  });

  test('finds no slot for a stub out of reach of the TOC', () => {
    expect(new StubTable(image(1), stubs + 0x8000_8001n).stubFor(target, 'first')).toBeUndefined();
  });

  test.each([
    ['6.1', [quad(target), quad(0n)]],
    ['6.12', [quad(target), quad(0n)]],
    ['7.3', [quad(0n), quad(target)]],
  ])('a stub for address 0 in %s', (release, expected) => {
    const one = image(2, { kernel: parseKernel(release) });
    const table = new StubTable(one, toc);
    table.stubFor(0n, 'weak');
    table.stubFor(target, 'first');
    expect(targetsOf(one, 2)).toEqual(expected);
  });
});

describe('a stub for ftrace', () => {
  const caller = 0xc000_0000_0006_ca9cn;
  const kernelToc = 0xc000_0000_0114_8100n;
  // The stub for _mcount of a 6.1 kernel.
  const written = code(0xe98d_0010, 0x3d8c_fef2, 0x398c_499c, 0x7d89_03a6, 0x4e80_0420);

  test.each([
    ['the machine description', { values: { 'kernel-toc': kernelToc } }],
    ['the symbols of the kernel', { symbols: { '.TOC.': kernelToc } }],
  ])('takes the TOC of the kernel from %s', (_, known) => {
    const one = image(1, known);
    new StubTable(one, toc).stubFor(caller, '_mcount');
    expect(one.hex(stubs, 20)).toBe(written);
    expect(one.questions).toEqual([]);
  });

  test('asks for the TOC of the kernel, which the bytes of a stub tell', () => {
    const one = image(1);
    new StubTable(one, toc).stubFor(caller, '_mcount');
    const [question] = one.questions;
    expect(question).toMatchObject({ kind: 'kernel-chosen', id: 'kernel-toc', address: stubs });
    const stub = image(1, { answers: { 'kernel-toc': '0xc000000001148100' } });
    new StubTable(stub, toc).stubFor(caller, '_mcount');
    expect(stub.hex(stubs, 20)).toBe(written);
    expect(stub.writes.at(-1)).toBe(`kernel-chosen 0x${(stubs + 4n).toString(16)} ${written.slice(8, 24)}`);
    const memory = stub.read(stubs, 40) ?? new Uint8Array();
    expect(question?.derive?.(memory, () => undefined)).toBe('0xc000000001148100');
    expect(question?.derive?.(new Uint8Array(40), () => undefined)).toBeUndefined();
  });
});
