import {
  appliesTo,
  finalizationSteps,
  matchesName,
  parseKernel,
  requireArchitecture,
  type FinalizationOrder,
} from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { s390x } from '../src/index.ts';

const releases = ['5.10.223', '6.1.176', '6.12.107', '7.2.13', '7.3-rc7'];

function orderOf(release: string): FinalizationOrder {
  const [order, ...others] = s390x.finalization.filter(({ applies }) =>
    appliesTo(applies, parseKernel(release)),
  );
  expect(others).toEqual([]);
  if (order === undefined) throw new Error(`no order for ${release}`);
  return order;
}

test('is chosen for big-endian EM_S390', () => {
  expect(requireArchitecture({ machine: 22, byteOrder: 'big' }, [s390x])).toBe(s390x);
  expect(() => requireArchitecture({ machine: 22, byteOrder: 'little' }, [s390x])).toThrow(/none of s390x/u);
});

describe('finalization', () => {
  test.each([
    ['5.10.223', ['alternatives', 'expoline-sites'], ['jump-label-nops']],
    ['6.1.176', ['alternatives', 'expoline-sites', 'ftrace-trampolines'], []],
    ['6.12.107', ['alternatives', 'expoline-sites', 'ftrace-trampolines'], []],
    ['7.2.13', ['alternatives', 'expoline-sites', 'stack-protector-sites', 'ftrace-trampolines'], []],
    ['7.3-rc7', ['alternatives', 'expoline-sites', 'stack-protector-sites', 'ftrace-trampolines'], []],
  ])('%s: the thunk, then one pass over the section headers', (release, inLoop, behind) => {
    const { steps } = orderOf(release);
    expect(steps.map(({ name }) => name)).toEqual(['expoline-thunk', ...inLoop, ...behind]);
    expect(steps.filter(({ inHeaderOrder }) => inHeaderOrder).map(({ name }) => name)).toEqual(inLoop);
  });

  test.each(releases)('%s: every step reads sections that the kernel has', (release) => {
    const kernel = parseKernel(release);
    const rows = s390x.specialSections.filter((row) => appliesTo(row.applies, kernel));
    const sections = orderOf(release).steps.flatMap((step) => step.sections);
    expect(sections.filter((name) => !rows.some((row) => matchesName({ name }, row.name)))).toEqual([]);
  });

  test.each(releases)('%s: what patches code before the module runs has a step', (release) => {
    const kernel = parseKernel(release);
    const patched = s390x.specialSections.filter(
      (row) =>
        row.patchesCode === true &&
        appliesTo(row.applies, kernel) &&
        row.phase !== 'boot' &&
        row.phase !== 'run_time',
    );
    const sections = finalizationSteps(orderOf(release)).flatMap((step) => step.sections);
    expect(patched.length).toBeGreaterThan(0);
    expect(patched.filter((row) => !sections.some((name) => matchesName({ name }, row.name)))).toEqual([]);
  });
});

describe('livepatch', () => {
  const stores = s390x.livepatch?.lateStores ?? [];

  test('everything can be stored late, at any place', () => {
    expect(stores.filter(({ readOnly, alignment }) => !readOnly || alignment !== undefined)).toEqual([]);
    expect(stores.at(-1)?.types).toBeUndefined();
    expect(s390x.livepatch?.clear).toBeUndefined();
  });

  test('the types with a note are those whose formula has a slot or a PLT entry', () => {
    const noted = stores.flatMap(({ types, note }) => (note === undefined ? [] : (types ?? [])));
    const linked = s390x.relocationTypes.filter(({ rules }) =>
      rules.some(
        (rule) => rule.verdict === 'applied' && rule.formula.letters.some((letter) => 'OLD'.includes(letter)),
      ),
    );
    expect(noted.toSorted((a, b) => a - b)).toEqual(
      linked.map(({ number }) => number).toSorted((a, b) => a - b),
    );
  });
});

describe('support', () => {
  test('answers what every architecture is asked', () => {
    const names = s390x.support.capabilities.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'livepatch',
        'reliable-stacktrace',
        'klp-build',
        'clear-relocations',
        'late-text-relocations',
        'static-calls',
        'jump-labels',
        'alternatives',
        'ftrace-call-sites',
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(releases)(
    '%s: at most one answer holds, and only conditional ones have a condition',
    (release) => {
      for (const { kernels } of s390x.support.capabilities) {
        const holding = kernels.filter(({ applies }) => appliesTo(applies, parseKernel(release)));
        expect(holding.length).toBeLessThanOrEqual(1);
        for (const { state, condition } of holding)
          expect(condition !== undefined).toBe(state === 'conditional');
      }
    },
  );

  test('tools speak of features that exist', () => {
    const features = new Set([
      ...s390x.support.capabilities.map(({ name }) => name),
      ...s390x.specialSections.map(({ name }) => name),
      ...s390x.relocationTypes.map(({ name }) => name),
    ]);
    expect(s390x.support.tools.map(({ feature }) => feature).filter((name) => !features.has(name))).toEqual(
      [],
    );
  });
});
