import { describe, expect, it } from 'vitest';
import {
  appliesTo,
  matchesName,
  parseKernel,
  selectArchitecture,
  type Kernel,
  type LateStore,
} from '@kelp/core';
import { ppc64le } from '@kelp/ppc64le';
import { pcrelKernel, tocKernel } from './apply.ts';

const releases = ['5.10', '5.15', '6.1', '6.6', '6.12', '6.18', '7.2', '7.3'];

function requiredSections(kernel: Kernel): readonly string[] {
  const sections = ppc64le.linkage?.requiredSections ?? [];
  return sections.filter(({ applies }) => appliesTo(applies, kernel)).map(({ name }) => name);
}

function storeOf(type: number, release: string): LateStore | undefined {
  const kernel = parseKernel(release);
  return ppc64le.livepatch?.lateStores.find(
    ({ applies, types }) => appliesTo(applies, kernel) && types?.includes(type) !== false,
  );
}

function stateOf(name: string, release: string): string | undefined {
  const kernel = parseKernel(release);
  const capability = ppc64le.support.capabilities.find((one) => one.name === name);
  return capability?.kernels.find(({ applies }) => appliesTo(applies, kernel))?.state;
}

describe('ppc64le', () => {
  it('is little-endian EM_PPC64', () => {
    expect(selectArchitecture({ machine: 21, byteOrder: 'little' }, [ppc64le])).toBe(ppc64le);
    expect(selectArchitecture({ machine: 21, byteOrder: 'big' }, [ppc64le])).toBeUndefined();
  });

  it('requires .stubs always, and .mygot with PPC_KERNEL_PCREL', () => {
    expect(requiredSections(tocKernel)).toEqual(['.stubs']);
    expect(requiredSections(pcrelKernel)).toEqual(['.stubs', '.mygot']);
  });
});

describe('finalization', () => {
  it.each(releases)('has one order in %s', (release) => {
    const kernel = parseKernel(release);
    const [order, ...others] = ppc64le.finalization.filter(({ applies }) => appliesTo(applies, kernel));
    expect(others).toEqual([]);
    expect(order?.steps.map(({ name }) => name)).toEqual([
      'ftrace-stubs',
      'cpu-feature-fixups',
      'mmu-feature-fixups',
      'firmware-feature-fixups',
      'speculation-barriers',
      'lwsync-fixups',
    ]);
  });

  it('reads sections that have a row', () => {
    const read = ppc64le.finalization.flatMap(({ steps }) => steps.flatMap(({ sections }) => sections));
    const unknown = read.filter(
      (name) => !ppc64le.specialSections.some((row) => row.name === name || matchesName(row, name)),
    );
    expect(unknown).toEqual([]);
  });

  it('never reads the section in which modules keep their speculation barriers', () => {
    const read = ppc64le.finalization.flatMap(({ steps }) => steps.flatMap(({ sections }) => sections));
    expect(read).toContain('__spec_barrier_fixup');
    expect(read).not.toContain('__barrier_nospec_fixup');
  });
});

describe('late stores', () => {
  it.each([
    // Nothing is write-protected there, so a plain store reaches all of the module.
    [10, '5.10', 'plain store', true],
    [10, '6.1', 'patch_instruction', true],
    [38, '6.1', 'plain store', false],
    [48, '7.3', 'plain store', false],
    [10, '7.3', 'patch_instruction', true],
  ])('type %i in %s: %s', (type, release, how, readOnly) => {
    expect(storeOf(type, release)).toMatchObject({ function: how, readOnly });
  });

  it('are never cleared', () => {
    expect(ppc64le.livepatch?.clear).toBeUndefined();
  });
});

describe('support', () => {
  it.each([
    ['livepatch', 'conditional'],
    ['reliable-stacktrace', 'yes'],
    ['klp-build', 'no'],
    ['clear-relocations', 'no'],
    ['late-text-relocations', 'conditional'],
    ['static-calls', 'no'],
    ['jump-labels', 'yes'],
    ['alternatives', 'no'],
    ['feature-fixups', 'yes'],
    ['ftrace-call-sites', 'conditional'],
  ])('%s in 7.3: %s', (name, state) => {
    expect(stateOf(name, '7.3')).toBe(state);
  });

  it('states a condition exactly where support is conditional', () => {
    for (const { name, kernels } of ppc64le.support.capabilities) {
      for (const { state, condition } of kernels)
        expect([name, condition !== undefined]).toEqual([name, state === 'conditional']);
    }
  });

  it('names features that exist', () => {
    const names = new Set([
      ...ppc64le.support.capabilities.map(({ name }) => name),
      ...ppc64le.specialSections.map(({ name }) => name),
      ...ppc64le.relocationTypes.map(({ name }) => name),
    ]);
    expect(ppc64le.support.tools.filter(({ feature }) => !names.has(feature))).toEqual([]);
  });
});
