import { machineFacts, type ToldMachine } from '@kelp/testkit';
import type { AccountedModule } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { s390x } from '../src/index.ts';

function facts(told: Partial<ToldMachine>): ReturnType<typeof machineFacts> {
  return machineFacts(s390x, { release: '6.1.0-50-s390x', ...told });
}

function answers(told: Partial<ToldMachine>, ...names: readonly string[]): readonly (string | undefined)[] {
  const found = facts(told);
  return names.map((name) => found.get(name)?.answer);
}

const cpuinfo = '# processors    : 1\nfacilities      : 0 1 49 129\nprocessor 0: version = 00\n';

test('facilities, under the name that the kernel has for them', () => {
  const texts = { 'cpuinfo.txt': cpuinfo };
  expect(answers({ texts }, 'feature facility 49', 'feature facility 129', 'feature facility 45')).toEqual([
    'on',
    'on',
    'off',
  ]);
  expect(answers({ release: '7.3', texts }, 'feature facility 49', 'feature vx')).toEqual(['on', 'on']);
});

test.each([
  ['Mitigation: execute trampolines', 'on', 'off'],
  ['Mitigation: limited branch prediction', 'off', 'on'],
  ['Vulnerable', 'off', 'off'],
  ['Mitigation: etokens', undefined, undefined],
])('spectre_v2: %s', (text, expoline, nobp) => {
  const texts = { 'vulnerabilities.txt': `spectre_v2: ${text}\n` };
  expect(answers({ texts }, 'feature expoline', 'feature nobp')).toEqual([expoline, nobp]);
});

test('parameters', () => {
  const names = ['feature relocated_lowcore', 'feature noaltinstr'];
  expect(answers({ texts: { cmdline: 'quiet' } }, ...names)).toEqual(['off', 'off']);
  const asked = { cmdline: 'noaltinstr relocate_lowcore' };
  expect(answers({ texts: asked }, ...names)).toEqual(['on', 'on']);
  // The machine has no facility 193.
  expect(answers({ texts: { ...asked, 'cpuinfo.txt': cpuinfo } }, ...names)).toEqual(['off', 'on']);
});

describe('trampolines of ftrace', () => {
  const module = (base: bigint, sites: number | undefined): AccountedModule => ({
    base,
    sectionSize: (name) => (name === '__mcount_loc' && sites !== undefined ? sites * 8 : undefined),
  });
  const area = (address: number, pages: number, caller: string): string => {
    const end = address + (pages + 1) * 4096;
    return `0x${address.toString(16).padStart(16, '0')}-0x${end.toString(16).padStart(16, '0')} ${(pages + 1) * 4096} ${caller} pages=${pages} vmalloc\n`;
  };
  const finalize = 'module_finalize+0x11e/0x190';
  const vmallocinfo = [
    area(0x10_0000, 4, 'load_module+0xc64/0x24f8'),
    area(0x10_5000, 1, finalize),
    area(0x10_7000, 2, 'load_module+0xc64/0x24f8'),
    area(0x10_a000, 1, finalize),
    area(0x10_c000, 2, finalize),
  ].join('');
  const modules = [
    module(0x10_7000n, 3),
    module(0x10_0000n, 171),
    module(0x20_0000n, 170),
    module(0x30_0000n, undefined),
  ];
  const id = (base: string): string => `kernel-chosen ftrace trampolines of text 0x${base}`;

  test('by the number of pages for the call sites; of the same number in the order of loading', () => {
    const found = facts({ texts: { 'vmallocinfo.txt': vmallocinfo }, modules });
    expect(found.get(id('100000'))).toMatchObject({ answer: '0x10c000', source: 'vmallocinfo.txt' });
    expect(found.get(id('100000'))?.likely).toBeUndefined();
    expect(found.get(id('107000'))).toMatchObject({ answer: '0x105000', likely: true });
    expect(found.get(id('200000'))).toMatchObject({ answer: '0x10a000', likely: true });
    expect(found.has(id('300000'))).toBe(false);
  });

  test('nothing is said where areas are missing', () => {
    const text = vmallocinfo.replace(area(0x10_a000, 1, finalize), '');
    const found = facts({ texts: { 'vmallocinfo.txt': text }, modules });
    expect([found.has(id('107000')), found.has(id('100000'))]).toEqual([false, true]);
  });

  test.each([
    ['5.10.1', cpuinfo, false],
    ['6.12.1', cpuinfo, true],
    ['6.12.1', 'facilities      : 0 85\n', false],
    ['6.1', 'facilities      : 0 85\n', true],
  ])('kernel %s, %j', (release, text, expected) => {
    const texts = { 'vmallocinfo.txt': vmallocinfo, 'cpuinfo.txt': text };
    expect(facts({ release, texts, modules }).has(id('100000'))).toBe(expected);
  });
});
