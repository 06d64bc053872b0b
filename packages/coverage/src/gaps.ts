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
  const architectures = new Map(series.map(({ architecture }) => [architecture.id, architecture]));
  const uncovered = rows.flatMap((row) =>
    row.cells.flatMap((cell) =>
      uncoveredCell(row, cell, hasLayouts(architectures.get(row.architecture), row)),
    ),
  );
  const unknown = series.flatMap((one) => [...unknownSections(one), ...unknownTypes(one)]);
  return { uncovered: mostUsedFirst(uncovered), unknown: mostUsedFirst(unknown) };
}

function hasLayouts(architecture: Architecture | undefined, { feature }: MatrixRow): boolean {
  const rows = architecture?.specialSections ?? [];
  return rows.some(({ name, layouts }) => layouts.length > 0 && feature === `section/${name}`);
}

function uncoveredCell(row: MatrixRow, cell: MatrixCell, isTable: boolean): readonly Gap[] {
  if (cell.usage === null || cell.usage.modules === 0) return [];
  const reason = uncoveredReason(row, cell, isTable);
  if (reason === undefined) return [];
  return [
    {
      architecture: row.architecture,
      kernel: cell.kernel,
      name: row.feature,
      modules: cell.usage.modules,
      reason,
    },
  ];
}

/**
 * A relocation type is covered when it was applied as a linker does it; one that the loader ignores, when it was
 * recognized. A section is covered when its entries were decoded; one without entries, when it was recognized.
 */
function uncoveredReason(
  { kind }: MatrixRow,
  { flags, contradicted, support, usage }: MatrixCell,
  isTable: boolean,
): string | undefined {
  if (contradicted) return 'a check contradicts the table';
  if (support.state === 'no') return 'modules use it, but the table says that this kernel does not have it';
  if (
    kind === 'relocation' &&
    !flags.includes('applied') &&
    !(support.ignored === true && flags.includes('recognized'))
  ) {
    return 'no evidence that it is applied as a linker does';
  }
  if (isTable && usage?.count === null) return 'no section of the modules fits an entry layout of the table';
  if (isTable && !flags.includes('decoded')) return 'no evidence that its entries are decoded';
  if (!flags.includes('recognized')) return 'no evidence that it is recognized';
  return undefined;
}

function unknownSections({ architecture, kernel, releases }: SeriesCounts): readonly Gap[] {
  const sections = releases.flatMap((release) => release.sections);
  const unknown = sections.filter(
    ({ name, special, known }) => special && !known && architecture.specialSection(name) === undefined,
  );
  const reason = 'looks like a special section, and no row knows it';
  return sumByName(unknown).map((sum) => ({ architecture: architecture.id, kernel, ...sum, reason }));
}

function unknownTypes({ architecture, kernel, releases }: SeriesCounts): readonly Gap[] {
  const types = releases.flatMap((release) => release.relocations);
  const unknown = types.filter(({ type }) => architecture.relocationType(type) === undefined);
  const reason = 'a relocation type that no row knows';
  return sumByName(unknown).map((sum) => ({ architecture: architecture.id, kernel, ...sum, reason }));
}

/** Files by name, over the releases of a series. */
function sumByName(
  uses: readonly { readonly name: string; readonly modules: number }[],
): readonly { readonly name: string; readonly modules: number }[] {
  const sums = new Map<string, number>();
  for (const { name, modules } of uses) sums.set(name, (sums.get(name) ?? 0) + modules);
  return [...sums].map(([name, modules]) => ({ name, modules }));
}

function mostUsedFirst(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.toSorted(
    (a, b) =>
      b.modules - a.modules || compareText(a.name, b.name) || compareText(a.architecture, b.architecture),
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
