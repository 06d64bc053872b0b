import { expect, test } from 'vitest';
import { featuresOf } from '../src/index.ts';
import { toy } from './toy-architecture.ts';

test('capabilities, sections and relocation types, in the order of their tables', () => {
  expect(featuresOf(toy).map(({ id, kind, title }) => [id, kind, title])).toEqual([
    ['capability/livepatch', 'capability', 'Livepatching'],
    ['capability/static-calls', 'capability', 'Static calls'],
    ['section/.sites', 'section', '.sites'],
    ['section/.note.toy', 'section', '.note.toy'],
    ['section/.moved', 'section', '.moved'],
    ['section/.fixup_*', 'section', '.fixup_*'],
    ['section/.fixup_late', 'section', '.fixup_late'],
    ...['NONE', '32', 'COPY', 'TOC', 'TOCSAVE', 'PREL', 'CALL', 'GONE'].map((name) => [
      `relocation/R_TOY_${name}`,
      'relocation',
      `R_TOY_${name}`,
    ]),
  ]);
});

test('all rows of one section name are one feature', () => {
  const moved = featuresOf(toy).find(({ id }) => id === 'section/.moved');
  expect(moved?.rows).toEqual(toy.specialSections.filter(({ name }) => name === '.moved'));
  expect(moved?.rows).toHaveLength(2);
});
