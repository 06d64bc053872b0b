import { appliesTo, matchesName, parseKernel, type FinalizationOrder } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { x86 } from '../src/index.ts';

const releases = [
  '5.10.223',
  '5.18',
  '6.1.0-50-amd64',
  '6.2.16',
  '6.8',
  '6.12.107',
  '7.2.13',
  '7.3-rc7',
] as const;

function orderOf(release: string): FinalizationOrder {
  const [order, ...others] = x86.finalization.filter((one) => appliesTo(one.applies, parseKernel(release)));
  if (order === undefined || others.length > 0) throw new Error(`${release} does not have one order`);
  return order;
}

/** The first section of each step that patches code or sorts ORC, in order. */
function patching(release: string): readonly string[] {
  return orderOf(release)
    .steps.filter(({ phase }) => phase === 'post_relocation')
    .flatMap(({ sections }) => sections[0] ?? []);
}

function isKnown(feature: string): boolean {
  return (
    x86.specialSections.some((row) => row.name === feature || matchesName(row, feature)) ||
    x86.relocationTypes.some((type) => type.name === feature) ||
    x86.support.capabilities.some(({ name }) => name === feature)
  );
}

function clears(release: string): boolean {
  return (x86.livepatch?.clear ?? []).some(({ applies }) => appliesTo(applies, parseKernel(release)));
}

describe('finalization', () => {
  test('the order of code patching by version', () => {
    const sites = ['.retpoline_sites', '.return_sites'];
    const fineibt = ['.retpoline_sites', ...sites];
    const orc = '.orc_unwind_ip';
    expect(patching('5.10.223')).toEqual([
      ...sites,
      '.altinstructions',
      '.smp_locks',
      '.parainstructions',
      '__jump_table',
      orc,
    ]);
    expect(patching('6.1.176')).toEqual([
      '.parainstructions',
      ...sites,
      '.altinstructions',
      '.ibt_endbr_seal',
      '.smp_locks',
      orc,
    ]);
    expect(patching('6.12')).toEqual([
      ...fineibt,
      '.altinstructions',
      '.call_sites',
      '.ibt_endbr_seal',
      '.smp_locks',
      orc,
    ]);
    expect(patching('7.2')).toEqual([
      ...fineibt,
      '.call_sites',
      '.altinstructions',
      '.ibt_endbr_seal',
      '.smp_locks',
      orc,
    ]);
    expect(patching('7.3')).toEqual([...fineibt, '.call_sites', '.altinstructions', '.ibt_endbr_seal', orc]);
  });

  test('every section that a step reads has a row, save .text', () => {
    const sections = x86.finalization.flatMap(({ steps }) => steps.flatMap((step) => step.sections));
    const unknown = sections.filter((name) => name !== '.text' && x86.specialSection(name) === undefined);
    expect(unknown).toEqual([]);
  });

  test('a step names every row that is read after relocation and patches code', () => {
    const read = new Set(x86.finalization.flatMap(({ steps }) => steps.flatMap(({ sections }) => sections)));
    const rows = x86.specialSections.filter(
      ({ phase, patchesCode }) => phase === 'post_relocation' && patchesCode === true,
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map(({ name }) => name).filter((name) => !read.has(name))).toEqual([]);
  });
});

describe('support', () => {
  test('every capability says one thing about every kernel', () => {
    const wrong = x86.support.capabilities.flatMap(({ name, kernels }) =>
      releases
        .filter(
          (release) => kernels.filter(({ applies }) => appliesTo(applies, parseKernel(release))).length !== 1,
        )
        .map((release) => `${name} in ${release}`),
    );
    expect(wrong).toEqual([]);
  });

  test('a condition goes with conditional, and only with it', () => {
    const wrong = x86.support.capabilities.filter(({ kernels }) =>
      kernels.some(({ state, condition }) => (condition !== undefined) !== (state === 'conditional')),
    );
    expect(wrong).toEqual([]);
  });

  test('tools speak of sections, types and capabilities that exist', () => {
    expect(x86.support.tools.map(({ feature }) => feature).filter((feature) => !isKnown(feature))).toEqual(
      [],
    );
  });

  test('a tool says one thing about a feature of a kernel', () => {
    for (const release of releases) {
      const rows = x86.support.tools.filter(({ applies }) => appliesTo(applies, parseKernel(release)));
      const keys = rows.map(({ tool, feature }) => `${tool} ${feature}`);
      expect(keys).toEqual([...new Set(keys)]);
    }
  });
});

test('relocations are cleared since 6.3', () => {
  expect(releases.filter((release) => clears(release))).toEqual(['6.8', '6.12.107', '7.2.13', '7.3-rc7']);
});

test('identity', () => {
  expect(x86.elf).toEqual({ machine: 62, byteOrder: 'little' });
  expect(x86.aliases).toEqual(expect.arrayContaining(['x86_64', 'amd64']));
});
