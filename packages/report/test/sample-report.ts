import type { Report } from '../src/index.ts';

const kernels = ['6.1', '6.12'] as const;

/** A small report with every kind of block, tone and tag. */
export const SAMPLE_REPORT: Report = {
  title: 'Coverage of s390x and x86',
  blocks: [
    {
      kind: 'paragraph',
      text: 'How many modules use each feature, and what is known about it.',
    },
    {
      kind: 'definitions',
      definitions: [
        { term: 'Modules', value: 4022 },
        { term: 'Machine', value: { text: 'EM_S390', code: true } },
        { term: 'Evidence', value: { text: '3 records are stale', tone: 'warning' } },
      ],
    },
    { kind: 'heading', level: 2, text: 'Used but not covered' },
    {
      kind: 'list',
      items: [
        {
          text: '__kcfi_traps',
          code: true,
          tone: 'bad',
          badges: [{ text: 'x86', tone: 'muted' }],
        },
        'nothing else',
      ],
    },
    { kind: 'heading', level: 2, text: 'Sections nobody knows' },
    {
      kind: 'table',
      columns: [{ label: 'Section' }, { label: 'Modules' }],
      rows: [],
      empty: 'Every section is known.',
    },
    { kind: 'heading', level: 2, text: 'Matrix' },
    {
      kind: 'table',
      caption: 'Features',
      columns: [
        { label: 'Feature' },
        ...kernels.map((kernel) => ({ label: kernel, tags: new Map([['kernel', [kernel]]]) })),
        { label: 'Bytes' },
      ],
      rows: [
        {
          tags: new Map([['architecture', ['x86']]]),
          cells: [
            { text: '.altinstructions', code: true },
            {
              text: 1204,
              title: 'arch/x86/kernel/alternative.c',
              badges: [
                { text: 'decoded', tone: 'good' },
                { text: 'not applied', tone: 'bad' },
              ],
              tags: new Map([['flag', ['decoded']]]),
            },
            { text: 'refused', tone: 'bad' },
            18446744073709551615n,
          ],
        },
        {
          tags: new Map([['architecture', ['x86', 's390x']]]),
          cells: [
            { text: '__bug_table', code: true },
            { text: '', badges: [{ text: 'recognized' }], tags: new Map([['flag', ['recognized']]]) },
            { text: '-', tone: 'muted' },
            12,
          ],
        },
      ],
    },
    { kind: 'heading', level: 3, text: 'First bytes' },
    { kind: 'bytes', bytes: new TextEncoder().encode('\u007fELF: 19 bytes long'), start: 0x40 },
    { kind: 'code', text: '$ kelp scan .\n```\n\n2 modules' },
  ],
};
