import type { Architecture } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { describeFlags, shownFlags } from './capabilities.ts';
import { conformanceChecks, openInput, type ConformanceInput } from './check-architecture.ts';

/**
 * Register the conformance tests of an architecture with vitest. One call is the whole content of a test file. The last
 * test prints what the fixtures show of each feature.
 */
export function testArchitecture(architecture: Architecture, input: ConformanceInput): void {
  describe(`${architecture.title} conforms`, () => {
    const opened = openInput(input);
    test.each(conformanceChecks.map((check) => [check.title, check] as const))('%s', (_title, check) => {
      expect([...check.run(architecture, opened)]).toEqual([]);
    });

    test('fixtures, where there are any, show something of the architecture', () => {
      const flags = shownFlags(architecture, opened);
      console.info([architecture.title, ...describeFlags(flags)].join('\n  '));
      const hasFixtures = input.modules.size + input.vectors.vectors.length > 0;
      expect([...flags.values()].some((own) => own.size > 0)).toBe(hasFixtures);
    });
  });
}
