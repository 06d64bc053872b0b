import { expect, test } from 'vitest';
import { entrySize, hasEntrySize } from '../src/entry-sizes.ts';
import { compareFacts, NO_FACTS } from '../src/facts.ts';

test.each([
  ['Advanced Micro Devices X86-64', '6.1.0-50-amd64', '.altinstructions', 12],
  ['Advanced Micro Devices X86-64', '6.12.117+deb13-amd64', '.altinstructions', 14],
  ['Advanced Micro Devices X86-64', '7.3-amd64', '__bug_table', 16],
  ['IBM S/390', '6.1.0', '.altinstructions', 11],
  ['IBM S/390', '6.12.95', '.altinstructions', 13],
  ['AArch64', '7.3', '__bug_table', 12],
  ['PowerPC64', '6.12', '__ksymtab', 24],
  ['PowerPC64', '6.12', '.altinstructions', undefined],
  ['MIPS', '6.12', '__jump_table', undefined],
])('%s %s %s', (machine, release, section, size) => {
  expect(entrySize(machine, release, section)).toBe(size);
});

test('sections without entries of one size have none', () => {
  expect(['.text', '__tracepoints', '__jump_table', '.altinstructions'].map(hasEntrySize)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test('another number of entries is a difference', () => {
  const [one, other] = [4, 5].map((count) => ({ ...NO_FACTS, entries: new Map([['__jump_table', count]]) }));
  expect(compareFacts(one ?? NO_FACTS, other ?? NO_FACTS)).toEqual([
    { what: 'entries of __jump_table', readelf: 4, scan: 5 },
  ]);
});
