import { renderTerminal } from '@kelp/report';
import { defineArchitecture } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { explain, explainReport, type ExplainedFeature } from '../src/index.ts';
import { toy, toyDefinition } from './toy-architecture.ts';

function one(name: string): ExplainedFeature {
  const [feature, ...others] = explain([toy], name);
  if (feature === undefined || others.length > 0) throw new Error(`${name} is not one feature`);
  return feature;
}

/** Facts as `term: text` lines. */
const lines = ({ facts }: Pick<ExplainedFeature, 'facts'>): readonly string[] =>
  facts.map(({ term, text }) => `${term}: ${text}`);

describe('a name', () => {
  test.each(['R_TOY_CALL', 'r_toy_call', 'CALL', 'call', '6'])('%s is a relocation type', (name) => {
    expect(one(name)).toMatchObject({
      architecture: 'toy',
      title: 'Toy',
      name: 'R_TOY_CALL',
      kind: 'relocation',
    });
  });

  test('of a number is not a part of another number', () => {
    expect(one('1').name).toBe('R_TOY_32');
    expect(explain([toy], '16')).toEqual([]);
  });

  test('of a section is that of its row', () => {
    expect(one('.sites')).toMatchObject({ name: '.sites', kind: 'section' });
  });

  test.each(['.fixup_early', '.fixup_*', '.fixup_'])('%s is matched by a pattern', (name) => {
    expect(one(name)).toMatchObject({ name: '.fixup_*', kind: 'section' });
  });

  test('that a row has itself is not matched by a pattern', () => {
    expect(one('.fixup_late').name).toBe('.fixup_late');
  });

  test('that has a row for each range of kernels gives all of them', () => {
    expect(explain([toy], '.moved').map((feature) => lines(feature)[0])).toEqual([
      'Kernels: before 6.12',
      'Kernels: since 6.12',
    ]);
  });

  test.each(['', 'R_TOY_', '.site', 'sites', '.SITES', 'R_TOY_64'])('%j is not known', (name) => {
    expect(explain([toy], name)).toEqual([]);
  });

  test('that several architectures know gives one feature for each', () => {
    const other = defineArchitecture({ ...toyDefinition, id: 'other', title: 'Other' });
    expect(explain([toy, other], '.sites').map(({ architecture }) => architecture)).toEqual(['toy', 'other']);
  });

  test.each([
    ['R_X86_64_PC32', 'PC32'],
    ['R_390_PC32DBL', 'PC32DBL'],
    ['R_AARCH64_CALL26', 'CALL26'],
    ['R_PPC64_TOC16_HA', 'TOC16_HA'],
  ])('%s may lack its prefix', (name, short) => {
    const [row] = toyDefinition.relocationTypes;
    if (row === undefined) throw new Error('no row');
    const architecture = defineArchitecture({ ...toyDefinition, relocationTypes: [{ ...row, name }] });
    expect(explain([architecture], short).map((feature) => feature.name)).toEqual([name]);
  });
});

describe('a relocation type', () => {
  test('that is applied: letters, late store and clear, tools', () => {
    expect(lines(one('CALL'))).toEqual([
      'Number: 6',
      'Defined in: Toy ABI, 3.5',
      'D: where the branch goes',
      'Late store: text_poke, writes read-only memory too (since 6.12). Once per section.',
      'Late clear: arch/toy/kernel/module.c: apply_relocate_add (since 6.12). Writes zeros.',
      'kpatch: refused',
    ]);
  });

  test('without a late store of its own has that of all others', () => {
    expect(lines(one('32'))).toContain('Late store: plain store, faults on read-only memory');
  });

  test('of an architecture that never clears says so', () => {
    const { clear: _, ...livepatch } = { lateStores: [], ...toyDefinition.livepatch };
    const [feature] = explain([defineArchitecture({ ...toyDefinition, livepatch })], '32');
    expect(feature?.facts).toContainEqual({ term: 'Late clear', text: 'no kernel clears it' });
  });

  test('has its steps in the order of the kernel', () => {
    const [variant, ...others] = one('CALL').variants;
    expect(others).toEqual([]);
    expect(variant?.applies).toBe('since 6.12');
    expect(lines(variant ?? { facts: [] })).toEqual([
      'Loader: applies it',
      'Formula: D + A - P',
      'Field: 4 bytes at the place: value bits 23:0 at bits 25:2, the rest is kept, value shifted right by 2',
      'Step 1: the field must hold zero, else ENOEXEC',
      'Step 2: The next instruction must be a nop.',
      'Step 3: the value >> 2 must lie in -0x800000 to 0x7fffff, else ENOEXEC',
      'Step 4: store the value >> 2',
      'Note: The nop becomes a load.',
      'Kernel source: arch/toy/kernel/module.c: apply_relocate_add',
    ]);
  });

  test('has a variant for each rule', () => {
    expect(one('TOC').variants.map(({ applies, facts }) => [applies, facts[0]?.text])).toEqual([
      ['with CONFIG_TOY_MODEL=n', 'applies it'],
      ['since 6.4 with CONFIG_TOY_MODEL=y', 'refuses the module with ENOEXEC'],
    ]);
  });

  test.each([
    ['NONE', 'accepts it and does nothing'],
    ['COPY', 'refuses the module with ENOEXEC'],
    ['GONE', 'refuses the module with ENOEXEC'],
  ])('%s that is not applied: the loader %s, nothing is stored late', (name, loader) => {
    const feature = one(name);
    expect(feature.variants.map(({ applies, facts }) => [applies, facts[0]?.text])).toEqual([
      ['all', loader],
    ]);
    expect(feature.facts.map(({ term }) => term)).toEqual(['Number', 'Defined in']);
  });
});

describe('a section', () => {
  test('has its consumer, its hazard, its place in finalization and the tools', () => {
    expect(lines(one('.sites'))).toEqual([
      'Kernels: all',
      'Configuration: TOY_SITES',
      'Read by: arch/toy/kernel/sites.c: apply_sites, phase post_relocation; rewrites instructions',
      'Effect: Rewrites each site.',
      'Livepatch hazard: high: A late relocation of a rewritten site corrupts it.',
      expect.stringMatching(/^Finalization: sites, apply_sites\(\), step \d+ of \d+$/u),
      'klp-build: regenerated (since 6.12): by objtool',
      'kpatch: supported',
    ]);
  });

  test('that nothing reads says so', () => {
    expect(lines(one('.note.toy'))).toContain('Read by: nothing in the kernel, phase never');
  });

  test('has its entry layouts by kernel', () => {
    expect(one('.sites').variants.map((variant) => [variant.applies, ...lines(variant)])).toEqual([
      [
        'before 6.12',
        'Entry: 4 bytes',
        '+0: code: 32-bit distance from the field itself',
        'Defined in: asm/toy.h struct site',
      ],
      [
        'since 6.12',
        'Entry: 8 bytes',
        '+0: code: 32-bit distance from the field itself, may be empty',
        '+4: length: 16-bit unsigned number',
        '+6: feature: 16-bit unsigned number',
        'Defined in: asm/toy.h struct site',
      ],
    ]);
  });

  test('whose last entry is shorter says so', () => {
    const [layout] = one('.fixup_late').variants;
    expect(layout?.facts).toContainEqual({ term: 'Entry', text: '4 bytes, the last one 2' });
    expect(layout?.facts).toContainEqual({ term: '+2', text: 'pad: 2 bytes of padding' });
  });
});

test('the report has a heading for each architecture and each range of kernels', () => {
  const text = renderTerminal(explainReport('TOC', explain([toy], 'TOC')), { color: false });
  const headings = text.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
  expect(headings).toEqual([
    'TOC',
    'R_TOY_TOC on Toy',
    'Kernels: with CONFIG_TOY_MODEL=n',
    'Kernels: since 6.4 with CONFIG_TOY_MODEL=y',
  ]);
});
