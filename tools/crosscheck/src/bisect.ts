import type { Difference, Facts } from './facts.ts';
import { addFacts, compareFacts } from './facts.ts';

/** Differences that a single file shows, or that only several files together show. */
export interface LocatedDifferences {
  readonly files: readonly string[];
  readonly differences: readonly Difference[];
}

/**
 * Compares the sum over all files, and where it differs halves the files until single ones are left. When neither
 * half differs by itself the differences are reported for the whole, so nothing is lost.
 *
 * @param expected facts per file.
 * @param scan facts of one scan over the given files.
 */
export async function locateDifferences(
  files: readonly string[],
  expected: ReadonlyMap<string, Facts>,
  scan: (files: readonly string[]) => Promise<Facts>,
): Promise<readonly LocatedDifferences[]> {
  if (files.length === 0) return [];
  const sum = addFacts(files.flatMap((file) => expected.get(file) ?? []));
  const differences = compareFacts(sum, await scan(files));
  if (differences.length === 0) return [];
  if (files.length === 1) return [{ files, differences }];
  const middle = Math.ceil(files.length / 2);
  const located = [
    ...(await locateDifferences(files.slice(0, middle), expected, scan)),
    ...(await locateDifferences(files.slice(middle), expected, scan)),
  ];
  return located.length === 0 ? [{ files, differences }] : located;
}
