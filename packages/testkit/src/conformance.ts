import { parseKernel, refusedLoads, relocationRule, type Architecture, type Kernel } from '@kelp/core';
import { findModinfoValue, parseObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import type { Fixtures } from './fixtures.ts';
import { checkModule } from './module-check.ts';
import { checkVectors, type VectorResult } from './vector-check.ts';

/** What an architecture is held against. Each module names its kernel in vermagic. */
export interface ConformanceInput extends Fixtures {
  /** Kernels under which the vectors are checked. */
  readonly kernels: readonly Kernel[];
  /** Relocation types for which linker and kernel disagree about what fits, and why. */
  readonly differences?: ReadonlyMap<string, string>;
}

/** Register the conformance tests of an architecture with vitest. One call is the whole content of a test file. */
export function testArchitecture(architecture: Architecture, input: ConformanceInput): void {
  const { vectors, kernels, modules, differences = new Map<string, string>() } = input;
  const check = (kernel: Kernel): readonly VectorResult[] =>
    checkVectors(architecture, kernel, vectors.vectors);

  describe(`${architecture.title} conforms`, () => {
    test.each(kernels.map((kernel) => [kernelName(kernel), kernel] as const))(
      'to the linker in %s',
      (_name, kernel) => {
        const results = check(kernel);
        expect(results.filter(({ misnamed }) => misnamed).map(({ name }) => name)).toEqual([]);
        expect(results.flatMap(({ mismatches }) => mismatches)).toEqual([]);
        expect(results.flatMap(({ misread }) => misread)).toEqual([]);
        expect(results.flatMap(({ unforeseen }) => unforeseen)).toEqual([]);
      },
    );

    test.each(kernels.map((kernel) => [kernelName(kernel), kernel] as const))(
      'with a vector for every type that %s applies',
      (_name, kernel) => {
        const applied = architecture.relocationTypes.filter(
          (type) => relocationRule(type, kernel)?.verdict === 'applied',
        );
        const compared = check(kernel).filter((result) => result.compared > 0);
        const names = new Set([...compared.map(({ name }) => name), ...vectors.omitted.keys()]);
        expect(names).toEqual(new Set(applied.map(({ name }) => name)));
      },
    );

    test('to the linker in what fits, but for the differences that are explained', () => {
      const differing = kernels
        .flatMap(check)
        .filter((result) => result.refusedByLinker + result.refusedByKernel > 0);
      expect(new Set(differing.map(({ name }) => name))).toEqual(new Set(differences.keys()));
    });

    test.each([...modules])('to module %s', (file, { bytes, configuration }) => {
      const object = parseObjectFile(bytes, file);
      const vermagic =
        findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic') ?? '';
      const kernel = parseKernel(vermagic.split(' ', 1)[0] ?? '', configuration);
      const results = checkModule(architecture, kernel, object);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ contradiction }) => contradiction !== undefined)).toEqual([]);
      expect([...refusedLoads(object, architecture, kernel)]).toEqual([]);
    });
  });
}

function kernelName({ release, configuration }: Kernel): string {
  const options = [...(configuration ?? [])].map(([option, value]) => `CONFIG_${option}=${value}`);
  return [release, ...options].join(' with ');
}
