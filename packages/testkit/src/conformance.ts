import { parseKernel, type Architecture, type Kernel } from '@kelp/core';
import { findModinfoValue, parseObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { checkModule } from './module-check.ts';
import { checkVectors } from './vector-check.ts';
import type { VectorFile } from './vectors.ts';

/** What an architecture is held against. */
export interface ConformanceInput {
  readonly vectors: VectorFile;
  /** Modules by name: their bytes. Each names its kernel in vermagic. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  /** Kernels under which the vectors are checked. */
  readonly kernels: readonly Kernel[];
  /** Relocation types for which linker and kernel disagree about what fits, and why. */
  readonly differences?: ReadonlyMap<string, string>;
}

/** Register the conformance tests of an architecture with vitest. One call is the whole content of a test file. */
export function testArchitecture(architecture: Architecture, input: ConformanceInput): void {
  describe(`${architecture.title} conforms`, () => {
    test.each(input.kernels.map((kernel) => [kernel.release, kernel] as const))('to the linker in %s', (_release, kernel) => {
      const results = checkVectors(architecture, kernel, input.vectors.vectors);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ misnamed }) => misnamed).map(({ name }) => name)).toEqual([]);
      expect(results.flatMap(({ mismatches }) => mismatches)).toEqual([]);
      expect(results.flatMap(({ misread }) => misread)).toEqual([]);
      const differing = results.filter(({ refusedByLinker, refusedByKernel }) => refusedByLinker + refusedByKernel > 0);
      const unexplained = differing.filter(({ name }) => name === undefined || input.differences?.has(name) !== true);
      expect(unexplained.map(({ name }) => name)).toEqual([]);
    });

    test.each([...input.modules])('to module %s', (file, bytes) => {
      const object = parseObjectFile(bytes, file);
      const vermagic = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic') ?? '';
      const results = checkModule(architecture, parseKernel(vermagic.split(' ', 1)[0] ?? ''), object);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ contradiction }) => contradiction !== undefined)).toEqual([]);
    });
  });
}
