import type { KernelCounts } from '@kelp/census';
import type { Architecture } from '@kelp/core';
import type { Gap, MatrixCell, MatrixRow } from './matrix.ts';

/** Counts of one kernel series of one architecture: the releases of a census that belong to it. */
export interface SeriesCounts {
  readonly architecture: Architecture;
  readonly kernel: string;
  readonly releases: readonly KernelCounts[];
}

/** The two lists that head a report. */
export interface Gaps {
  readonly uncovered: readonly Gap[];
  readonly unknown: readonly Gap[];
}

/** What the modules use and nothing covers, and what no row knows; most used first. */
export function findGaps(rows: readonly MatrixRow[], series: readonly SeriesCounts[]): Gaps {
  const uncovered = rows.flatMap((row) => row.cells.flatMap((cell) => uncoveredCell(row, cell)));
  const unknown = series.flatMap((one) => [...unknownSections(one), ...unknownTypes(one)]);
  return { uncovered: mostUsedFirst(uncovered), unknown: mostUsedFirst(unknown) };
}

function uncoveredCell(row: MatrixRow, cell: MatrixCell): readonly Gap[] {
  if (cell.usage === null || cell.usage.modules === 0) return [];
  const reason = uncoveredReason(row, cell);
  if (reason === undefined) return [];
  return [{ architecture: row.architecture, kernel: cell.kernel, name: row.feature, modules: cell.usage.modules, reason }];
}

/**
 * A relocation type is covered when it was applied as a linker does it; one that the loader ignores, when it was
 * recognized. A section is covered when its entries were decoded; one without entries, when it was recognized.
 */
function uncoveredReason({ kind }: MatrixRow, { flags, contradicted, support, usage }: MatrixCell): string | undefined {
  if (contradicted) return 'a check contradicts the table';
  if (support.state === 'no') return 'modules use it, but the table says that this kernel does not have it';
  if (kind === 'relocation' && !flags.includes('applied') && !(support.ignored === true && flags.includes('recognized'))) {
    return 'no evidence that it is applied as a linker does';
  }
  if (kind === 'section' && usage?.count !== null && !flags.includes('decoded')) return 'no evidence that its entries are decoded';
  if (!flags.includes('recognized')) return 'no evidence that it is recognized';
  return undefined;
}

function unknownSections({ architecture, kernel, releases }: SeriesCounts): readonly Gap[] {
  return releases.flatMap(({ release, sections }) =>
    sections
      .filter(({ special, known }) => special && !known)
      .map(({ name, modules }) => ({
        architecture: architecture.id,
        kernel,
        name,
        modules,
        reason: `special-looking section of ${release} that no row knows`,
      })),
  );
}

function unknownTypes({ architecture, kernel, releases }: SeriesCounts): readonly Gap[] {
  return releases.flatMap(({ release, relocations }) =>
    relocations
      .filter(({ type }) => architecture.relocationType(type) === undefined)
      .map(({ name, modules }) => ({
        architecture: architecture.id,
        kernel,
        name,
        modules,
        reason: `relocation type of ${release} that no row knows`,
      })),
  );
}

function mostUsedFirst(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.toSorted((a, b) => b.modules - a.modules || (a.name < b.name ? -1 : 1));
}
