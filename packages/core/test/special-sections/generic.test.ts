import { describe, expect, test } from 'vitest';
import { defineArchitecture, type Architecture } from '../../src/architecture.ts';
import { parseKernel } from '../../src/kernel.ts';
import type { SpecialSection } from '../../src/special-section.ts';
import { absoluteTables, genericSections, prel32Tables } from '../../src/special-sections/generic.ts';
import { toyDefinition } from '../toy-architecture.ts';

const kernels = ['6.1', '6.12', '7.3'].map((release) => parseKernel(release));

describe.each<readonly [string, readonly SpecialSection[]]>([
  ['32-bit references', [...genericSections, ...prel32Tables]],
  ['64-bit pointers', [...genericSections, ...absoluteTables]],
])('the generic rows with tables of %s', (_what, specialSections) => {
  test('do not contradict themselves', () => {
    expect(() => defineArchitecture({ ...toyDefinition, specialSections })).not.toThrow();
  });

  test('name a source file wherever they name a consumer', () => {
    const files = specialSections.flatMap(({ consumer }) => (consumer === undefined ? [] : [consumer.file]));
    expect(
      files.filter((file) => !/^[a-z*][\w*/.-]*\.(?:[chS]|pl|lds|awk)$|^[a-z][\w/-]*$/u.test(file)),
    ).toEqual([]);
  });

  test('say what the consumer does and why there is a hazard or none', () => {
    const mute = specialSections.filter(
      ({ effect, hazard }) => effect.length < 10 || hazard.reason.length < 10,
    );
    expect(mute.map(({ name }) => name)).toEqual([]);
  });
});

function names(rows: readonly SpecialSection[]): readonly string[] {
  return [...new Set(rows.map(({ name }) => name))].toSorted();
}

test('the two sorts of tables are about the same sections', () => {
  expect(names(prel32Tables)).toEqual(names(absoluteTables));
});

describe('what every module has', () => {
  const architecture: Architecture = defineArchitecture({
    ...toyDefinition,
    specialSections: genericSections,
  });

  test.each(['.modinfo', '.gnu.linkonce.this_module'])('%s has a row in every kernel', (name) => {
    expect(kernels.map((kernel) => architecture.specialSection(name, kernel)?.name)).toEqual(
      kernels.map(() => name),
    );
  });

  test.each(['.text', '.data', '.bss', '.rodata.str1.1', '.comment'])('%s is not special', (name) => {
    expect(architecture.specialSection(name)).toBeUndefined();
  });
});
