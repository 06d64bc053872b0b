import { appliesTo, parseConfiguration, parseKernel, type FinalizationOrder } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { arm64 } from '../src/index.ts';

const releases = ['5.10.223', '6.1.0-50-arm64', '6.12.107+deb13-arm64', '7.2.13', '7.3-rc7'] as const;

function required(release: string, config: string): readonly string[] {
  const kernel = parseKernel(release, parseConfiguration(config));
  const sections = arm64.linkage?.requiredSections ?? [];
  return sections.filter(({ applies }) => appliesTo(applies, kernel)).map(({ name }) => name);
}

describe('required sections', () => {
  const plts = ['.plt', '.init.plt'];

  test('none in an old kernel without PLTs, or with a configuration that is not known', () => {
    expect(required('6.1.176', 'CONFIG_DYNAMIC_FTRACE=y')).toEqual([]);
    expect(
      arm64.linkage?.requiredSections?.some(({ applies }) => appliesTo(applies, parseKernel('6.1'))),
    ).toBe(false);
  });

  test('those of ARM64_MODULE_PLTS before 6.5', () => {
    expect(required('6.1.176', 'CONFIG_ARM64_MODULE_PLTS=y')).toEqual(plts);
    expect(required('6.4', 'CONFIG_ARM64_MODULE_PLTS=y\nCONFIG_DYNAMIC_FTRACE=y')).toEqual([
      ...plts,
      '.text.ftrace_trampoline',
    ]);
  });

  test('PLTs always since 6.5, trampolines with DYNAMIC_FTRACE', () => {
    expect(required('6.5', '')).toEqual(plts);
    expect(required('6.12.45', 'CONFIG_DYNAMIC_FTRACE=y')).toEqual([...plts, '.text.ftrace_trampoline']);
    const all = [...plts, '.text.ftrace_trampoline', '.init.text.ftrace_trampoline'];
    expect(required('6.12.46', 'CONFIG_DYNAMIC_FTRACE=y')).toEqual(all);
    expect(required('7.3-rc7', 'CONFIG_DYNAMIC_FTRACE=y')).toEqual(all);
    expect(required('7.3-rc7', '')).toEqual(plts);
  });
});

function orderIn(release: string): FinalizationOrder | undefined {
  const kernel = parseKernel(release);
  return arm64.finalization.find(({ applies }) => appliesTo(applies, kernel));
}

function namesIn(release: string): readonly string[] | undefined {
  return orderIn(release)?.steps.map(({ name }) => name);
}

describe('finalization', () => {
  test('alternatives come before the PLT entries of ftrace', () => {
    expect(namesIn('6.1')).toEqual(['alternatives', 'ftrace-plt']);
  });

  test('the shadow call stack comes with 6.2, after alternatives', () => {
    expect(namesIn('6.2')).toEqual(['alternatives', 'dynamic-shadow-call-stack', 'ftrace-plt']);
  });

  test.each(releases)('every section has a row in some kernel, %s has an order', (release) => {
    const steps = orderIn(release)?.steps ?? [];
    expect(steps.length).toBeGreaterThan(0);
    for (const name of steps.flatMap(({ sections }) => sections))
      expect(arm64.specialSection(name)?.name).toBe(name);
  });
});

function storeIn(release: string, type: number): string | undefined {
  const kernel = parseKernel(release);
  const stores = arm64.livepatch?.lateStores.filter(({ applies }) => appliesTo(applies, kernel));
  return stores?.find(({ types }) => types === undefined || types.includes(type))?.note;
}

describe('late stores', () => {
  test('there is no livepatch before 6.17', () => {
    expect(storeIn('6.16.12', 257)).toBeUndefined();
    expect(storeIn('6.17', 257)).toBeDefined();
  });

  test('what is stored beside the field depends on the type', () => {
    expect(storeIn('7.3', 283)).toContain('PLT entry');
    expect(storeIn('7.3', 275)).toContain('veneer');
    expect(storeIn('7.3', 261)).toContain('multiple of 4');
  });

  test('nothing clears', () => {
    expect(arm64.livepatch?.clear).toBeUndefined();
  });
});

function stateIn(release: string, name: string): string | undefined {
  const kernel = parseKernel(release);
  const capability = arm64.support.capabilities.find((one) => one.name === name);
  return capability?.kernels.find(({ applies }) => appliesTo(applies, kernel))?.state;
}

describe('support', () => {
  // 5.10, 6.1, 6.12, 7.2, 7.3.
  test.each([
    ['livepatch', ['no', 'no', 'no', 'conditional', 'conditional']],
    ['reliable-stacktrace', ['no', 'no', 'no', 'yes', 'yes']],
    ['klp-build', ['no', 'no', 'no', 'no', 'no']],
    ['clear-relocations', ['no', 'no', 'no', 'no', 'no']],
    ['late-text-relocations', ['no', 'no', 'no', 'conditional', 'conditional']],
    ['static-calls', ['no', 'no', 'no', 'conditional', 'conditional']],
    ['jump-labels', ['conditional', 'conditional', 'conditional', 'conditional', 'conditional']],
    ['alternatives', ['yes', 'yes', 'yes', 'yes', 'yes']],
    ['ftrace-call-sites', ['conditional', 'conditional', 'conditional', 'conditional', 'conditional']],
    ['module-plts', ['conditional', 'conditional', 'yes', 'yes', 'yes']],
    ['dynamic-shadow-call-stack', ['no', 'no', 'conditional', 'conditional', 'conditional']],
  ])('%s', (name, states) => {
    expect(releases.map((release) => stateIn(release, name))).toEqual(states);
  });

  test('a condition is given where there is one, and only there', () => {
    for (const { kernels } of arm64.support.capabilities) {
      for (const { state, condition } of kernels)
        expect(condition !== undefined).toBe(state === 'conditional');
    }
  });

  test('tools speak of features that exist', () => {
    const capabilities = new Set(arm64.support.capabilities.map(({ name }) => name));
    for (const { feature } of arm64.support.tools) {
      expect(capabilities.has(feature) || arm64.specialSection(feature)?.name === feature).toBe(true);
    }
  });
});
