import { CensusBuilder, FileScanner } from '@kelp/census';
import { defineArchitecture } from '@kelp/core';
import { expect, test } from 'vitest';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import { kernelsOf, type CountedKernel } from '../src/censuses.ts';
import { measureDetection } from '../src/detection.ts';

const fixtures = new URL('../../../packages/testkit/fixtures/', import.meta.url).pathname;

async function scanned(known: typeof architectures): Promise<readonly CountedKernel[]> {
  const builder = new CensusBuilder();
  const scanner = new FileScanner(known, builder);
  for (const { id } of architectures)
    for (const kernel of ['6.1', '7.3']) await scanner.scan(`${fixtures}${id}/special-${kernel}.ko`);
  return kernelsOf(builder.census());
}

test('the detector answers the same whether rows exist or not: it is measured without them', async () => {
  const withoutRows = architectures.map((one) =>
    defineArchitecture({ ...one, specialSections: [], finalization: [] }),
  );
  const hidden = measureDetection(await scanned(withoutRows), architectures);
  expect(hidden).toEqual(measureDetection(await scanned(architectures), architectures));
  expect(hidden.some(({ expected, stride }) => expected !== undefined && expected === stride)).toBe(true);
});
