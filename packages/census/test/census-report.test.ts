import { renderTerminal } from '@kelp/report';
import { expect, test } from 'vitest';
import { censusReport, type Census, type Counts } from '../src/index.ts';
import { noFunctions } from './toy-architecture.ts';

const none: Counts = {
  modules: 0,
  images: 0,
  failed: [],
  relocations: [],
  sections: [],
  relocationsBySection: [],
};

const counts: Counts = {
  modules: 3,
  images: 0,
  failed: [
    { file: '/lib/bad.ko', code: 'elf/section-table', message: 'the section table lies outside the file' },
  ],
  relocations: [
    { type: 1, name: 'R_TOY_64', count: 40, modules: 3 },
    { type: 99, name: 'unknown(99)', count: 2, modules: 1 },
  ],
  sections: [
    { name: '.text', modules: 3, bytes: 4096, entries: null, special: false, known: false },
    { name: '__bugs', modules: 2, bytes: 64, entries: 8, special: true, known: true },
    { name: '.new\u001b[2Jtable', modules: 1, bytes: 16, entries: null, special: true, known: false },
  ],
  relocationsBySection: [{ section: '.text', type: 1, count: 42 }],
};

function textOf(census: Partial<Census>): string {
  const titles = new Map([['toy', 'Toy']]);
  return renderTerminal(censusReport({ schema: 2, architectures: {}, failed: [], ...census }, titles), {
    color: false,
  });
}

test('totals by kernel, relocation types, special sections, failures', () => {
  const architectures = {
    toy: {
      ...counts,
      kernels: [{ ...counts, release: '6.1.176', failed: [], functions: noFunctions, shapes: [] }],
    },
  };
  const failed = [{ file: 'notes.ko', code: 'elf/not-elf', message: 'no ELF file' }];
  expect(textOf({ architectures, failed })).toBe(
    [
      'Census',
      '',
      '  architecture  kernel   files  relocations  sections  special, not known',
      '  Toy           6.1.176      3           42         3                   1',
      '',
      'Toy',
      'Relocation types:',
      '  type  name         count  files',
      '     1  R_TOY_64        40      3',
      '    99  unknown(99)      2      1',
      '',
      'Special sections:',
      '  section           files  bytes  entries  known',
      '  __bugs                2     64        8  yes',
      String.raw`  .new\x1b[2Jtable      1     16           no`,
      '',
      'Failed',
      '  file         code               message',
      '  /lib/bad.ko  elf/section-table  the section table lies outside the file',
      '  notes.ko     elf/not-elf        no ELF file',
      '',
    ].join('\n'),
  );
});

test('an architecture of which every file failed has no tables', () => {
  const text = textOf({ architectures: { toy: { ...none, failed: counts.failed, kernels: [] } } });
  expect(text).toContain('no module was scanned');
  expect(text).toContain('/lib/bad.ko');
  expect(text).not.toContain('Relocation types');
});

test('an architecture without a title has its ID', () => {
  const text = textOf({
    architectures: {
      other: { ...counts, kernels: [{ ...counts, release: '6.1', functions: noFunctions, shapes: [] }] },
    },
  });
  expect(text).toMatch(/^ {2}other +6\.1/mu);
});

test('a section that no row knows is shown as it looks', () => {
  const table = {
    section: '.new\u001b[2Jtable',
    relocated: 1,
    bytes: 16,
    unit: 16,
    headers: [{ type: 1, flags: '0x2', entrySize: 0, modules: 1 }],
    layouts: [],
    targets: [{ section: '.text', kind: 'code' as const, count: 2 }],
    places: [{ stride: 8, offset: 0, code: 2, readOnly: 0, writable: 0, external: 0 }],
  };
  const kernel = { ...counts, release: '6.1', functions: noFunctions, shapes: [table] };
  const text = textOf({ architectures: { toy: { ...counts, kernels: [kernel] } } });
  expect(text).toMatch(
    /^ {2}\.new\\x1b\[2Jtable +6\.1 +1 +points into code, regular stride +8 +0 \(code\) +\.text$/mu,
  );
});
