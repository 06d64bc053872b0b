import type { TableBlock } from '@kelp/report';
import type { CoverageMatrix, MatrixCell, MatrixRow } from './matrix.ts';

/** One line for each architecture and kernel: how much is used, how much of it is covered. */
export function summaryTable(matrix: CoverageMatrix): TableBlock {
  const labels = ['architecture', 'kernel', 'modules', 'types used', 'applied', 'sections used', 'decoded', 'not covered', 'not known'];
  return {
    kind: 'table',
    caption: 'Summary',
    columns: labels.map((label, index) => (index < 2 ? { label } : { label, align: 'right' })),
    rows: matrix.architectures.flatMap(({ id, title }) =>
      matrix.kernels.map((kernel, index) => ({ cells: [title, kernel, ...summarize(matrix, id, kernel, index)] })),
    ),
  };
}

function summarize(matrix: CoverageMatrix, architecture: string, kernel: string, index: number): readonly (number | string)[] {
  const rows = matrix.rows.filter((row) => row.architecture === architecture);
  const modules = rows.flatMap(({ cells }) => cells[index]?.usage ?? [])[0]?.of;
  const here = (gap: { readonly architecture: string; readonly kernel: string }): boolean =>
    gap.architecture === architecture && gap.kernel === kernel;
  if (modules === undefined) return ['not scanned', '', '', '', '', '', ''];
  const types = usedCells(rows, 'relocation', index);
  // Sections without entries of a fixed size, such as .modinfo, have nothing to decode.
  const sections = usedCells(rows, 'section', index);
  return [
    modules,
    types.length,
    types.filter(({ flags }) => flags.includes('applied')).length,
    sections.length,
    sections.filter(({ flags }) => flags.includes('decoded')).length,
    matrix.uncovered.filter(here).length,
    matrix.unknown.filter(here).length,
  ];
}

function usedCells(rows: readonly MatrixRow[], kind: MatrixRow['kind'], index: number): readonly MatrixCell[] {
  return rows
    .filter((row) => row.kind === kind)
    .flatMap(({ cells }) => cells[index] ?? [])
    .filter(({ usage }) => (usage?.modules ?? 0) > 0);
}
