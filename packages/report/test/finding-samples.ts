import type { FindingReport } from '../src/index.ts';

/** A name that would break every format that does not escape it. */
export const hostile = '.text[x](y){0}|`%0A\r\n::error::\u001b[31m<b>,';

/** A report with something of everything. */
export const sample: FindingReport = {
  tool: { name: 'kelp', version: '1.2.3', address: 'https://example.org/kelp' },
  title: 'patch.ko: livepatch for 7.3',
  rules: [
    {
      id: 'KLP203',
      name: 'object-not-patched',
      level: 'error',
      title: 'Relocations wait for an object',
      advice: 'Add a klp_object.',
      properties: { source: 'kernel/livepatch/core.c' },
    },
    { id: 'KLP702', name: 'stale-slot', level: 'warning', title: 'Slots keep addresses', advice: 'Keep it.' },
    {
      id: 'KLP503',
      name: 'special-section',
      level: 'note',
      title: 'A special section',
      advice: 'Resolve it.',
    },
  ],
  findings: [
    {
      rule: 'KLP203',
      level: 'error',
      message: `no klp_object is named ${hostile}`,
      file: 'out dir/patch#1.ko',
      place: { section: hostile, offset: 16, fileOffset: 80 },
      details: new Map([
        ['object', 'xfs'],
        ['symbol', hostile],
      ]),
    },
    {
      rule: 'KLP702',
      level: 'warning',
      message: '2 of 3 relocations use a slot',
      file: '/lib/patch.ko',
      place: { section: '.text', offset: 4 },
      details: new Map([['object', 'ext4']]),
    },
    { rule: 'KLP503', level: 'note', message: 'entry 1', file: 'patch.ko', details: new Map() },
  ],
  notJudged: [`Symbols of ${hostile}`],
  stale: [],
};
