import { parseKernel, type Kernel, type RelocationType } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { capabilityCell, relocationCell, sectionCell, toolCells } from '../src/kernel-cell.ts';
import { toy } from './toy-architecture.ts';

const loader = 'arch/toy/kernel/module.c:apply_relocate_add';

function type(name: string): RelocationType {
  const found = toy.relocationTypes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no type ${name}`);
  return found;
}

const kernel = (release: string, ...options: readonly string[]): Kernel =>
  parseKernel(release, new Map(options.map((option) => [option, 'y'])));

describe('a relocation type', () => {
  test.each([
    ['R_TOY_32', '6.1', { state: 'yes', source: loader }],
    ['R_TOY_NONE', '6.1', { state: 'yes', ignored: true, source: loader }],
    ['R_TOY_COPY', '6.1', { state: 'no' }],
    ['R_TOY_GONE', '6.1', { state: 'no' }],
    // From 6.12 on.
    ['R_TOY_CALL', '6.1', { state: 'no' }],
    ['R_TOY_CALL', '6.12', { state: 'yes', source: loader }],
    // Where there is no choice of a model yet, the old one is all there is.
    ['R_TOY_TOC', '6.1', { state: 'yes', source: loader }],
    ['R_TOY_TOC', '6.12', { state: 'conditional', condition: 'CONFIG_TOY_MODEL=n', source: loader }],
    [
      'R_TOY_TOCSAVE',
      '6.12',
      { state: 'conditional', condition: 'CONFIG_TOY_MODEL=n', ignored: true, source: loader },
    ],
    ['R_TOY_PREL', '6.1', { state: 'no' }],
    ['R_TOY_PREL', '6.12', { state: 'conditional', condition: 'CONFIG_TOY_MODEL=y', source: loader }],
  ])('%s in %s', (name, release, cell) => {
    expect(relocationCell(type(name), kernel(release))).toEqual(cell);
  });

  test('is conditional under either answer to the option', () => {
    const expected = { state: 'conditional', condition: 'CONFIG_TOY_MODEL=y', source: loader };
    expect(relocationCell(type('R_TOY_PREL'), kernel('6.12', 'TOY_MODEL'))).toEqual(expected);
  });
});

function rows(name: string): typeof toy.specialSections {
  return toy.specialSections.filter((row) => row.name === name);
}

describe('a section', () => {
  test.each([
    ['.note.toy', '6.1', { state: 'yes' }],
    ['.moved', '6.1', { state: 'yes' }],
    [
      '.sites',
      '6.1',
      { state: 'conditional', condition: 'TOY_SITES', source: 'arch/toy/kernel/sites.c:apply_sites' },
    ],
  ])('%s in %s', (name, release, cell) => {
    expect(sectionCell(rows(name), kernel(release))).toEqual(cell);
  });

  test('without a row for a kernel is not there', () => {
    expect(sectionCell(rows('.moved').slice(1), kernel('6.1'))).toEqual({ state: 'no' });
  });
});

describe('a capability', () => {
  const [livepatch, staticCalls] = toy.support.capabilities;

  test.each([
    ['5.10', { state: 'no' }],
    ['6.1', { state: 'conditional', condition: 'TOY_FTRACE', source: 'arch/toy/Kconfig' }],
    ['6.12', { state: 'yes', source: 'arch/toy/Kconfig' }],
  ])('in %s is the first alternative that holds', (release, cell) => {
    if (livepatch === undefined) throw new Error('no capability');
    expect(capabilityCell(livepatch, kernel(release))).toEqual(cell);
  });

  test('without alternatives is not there', () => {
    if (staticCalls === undefined) throw new Error('no capability');
    expect(capabilityCell(staticCalls, kernel('7.3'))).toEqual({ state: 'no' });
  });
});

test('tools, by kernel', () => {
  expect(toolCells(toy, '.sites', kernel('6.1'))).toEqual([{ tool: 'kpatch', state: 'supported' }]);
  expect(toolCells(toy, '.sites', kernel('6.12'))).toEqual([
    { tool: 'klp-build', state: 'regenerated', note: 'by objtool' },
    { tool: 'kpatch', state: 'supported' },
  ]);
  expect(toolCells(toy, '.note.toy', kernel('6.12'))).toEqual([]);
});
