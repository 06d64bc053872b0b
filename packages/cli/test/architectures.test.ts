import { KelpError } from '@kelp/core';
import { featuresOf } from '@kelp/coverage';
import { expect, test } from 'vitest';
import { architectureNamed, architectures, coverageSubjects } from '../src/architectures.ts';

test('five architectures, whose files cannot be confused', () => {
  expect(architectures.map(({ id }) => id)).toEqual(['x86', 'ppc64le', 's390x', 'arm64', 'loongarch64']);
  const machines = architectures.map(({ elf }) => `${elf.machine} ${elf.byteOrder}`);
  expect(new Set(machines).size).toBe(architectures.length);
  // EM_X86_64, EM_PPC64, EM_S390, EM_AARCH64, EM_LOONGARCH of the ELF specifications.
  expect(machines).toEqual(['62 little', '21 little', '22 big', '183 little', '258 little']);
});

test.each([
  ['x86', 'x86'],
  ['x86_64', 'x86'],
  ['amd64', 'x86'],
  ['ppc64el', 'ppc64le'],
  ['s390x', 's390x'],
  ['aarch64', 'arm64'],
  ['loong64', 'loongarch64'],
])('%s is %s', (name, id) => {
  expect(architectureNamed(name).id).toBe(id);
});

test('another name is refused with those that there are', () => {
  const message = 'architecture "sparc" is none of x86, ppc64le, s390x, arm64, loongarch64';
  expect(() => architectureNamed('sparc')).toThrow(new KelpError('architecture/unsupported', message));
});

test('a name or alias names one architecture only', () => {
  const names = architectures.flatMap(({ id, aliases }) => [id, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
});

test('every package ships evidence about its features', () => {
  for (const { architecture, evidence } of coverageSubjects()) {
    expect(evidence.architecture).toBe(architecture.id);
    const features = new Set<string>(featuresOf(architecture).map(({ id }) => id));
    expect(evidence.records.length).toBeGreaterThan(0);
    expect(evidence.records.filter(({ feature }) => !features.has(feature))).toEqual([]);
  }
});
