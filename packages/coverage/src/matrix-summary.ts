import type { Block, Cell, Row } from '@kelp/report';
import type { CoverageMatrix, Gap, MatrixCell, MatrixRow } from './matrix.ts';

/** What heads every report: how much of what modules use is covered, what is not, and what nobody knows. */
export function summaryBlocks(matrix: CoverageMatrix): readonly Block[] {
  const scanned = matrix.architectures.flatMap(({ id, title }) =>
    matrix.kernels.map((kernel, index) => summaryRow(matrix, { id, title }, kernel, index)),
  );
  if (!isScanned(matrix)) {
    return [
      ...outsideBlocks(matrix),
      {
        kind: 'paragraph',
        text: 'No modules were scanned. With the result of kelp scan --json the matrix shows what modules use and what of it is covered.',
      },
    ];
  }
  return [
    {
      kind: 'table',
      caption: 'Covered of what the scanned modules use',
      columns: [
        { label: 'architecture' },
        { label: 'kernel' },
        { label: 'modules', align: 'right' },
        { label: 'relocation types', align: 'right' },
        { label: 'special sections', align: 'right' },
        { label: 'not known', align: 'right' },
      ],
      rows: scanned,
    },
    ...outsideBlocks(matrix),
    { kind: 'heading', level: 2, text: 'Used but not covered' },
    gapTable(
      matrix,
      matrix.uncovered,
      'Nothing: evidence covers every relocation type and special section that the scanned modules use.',
    ),
    { kind: 'heading', level: 2, text: 'Sections and types that nobody knows' },
    gapTable(
      matrix,
      matrix.unknown,
      'Nothing: every special-looking section and every relocation type has a row.',
    ),
  ];
}

/** Whether the matrix shows what modules use. */
export function isScanned({ rows }: CoverageMatrix): boolean {
  return rows.some(({ cells }) => cells.some(({ usage }) => usage !== null));
}

function summaryRow(
  matrix: CoverageMatrix,
  { id, title }: CoverageMatrix['architectures'][number],
  kernel: string,
  index: number,
): Row {
  const rows = matrix.rows.filter((row) => row.architecture === id);
  const modules = rows.flatMap(({ cells }) => cells[index]?.usage ?? [])[0]?.of;
  if (modules === undefined) return { cells: [title, kernel, 'not scanned', '', '', ''] };
  const here = (gap: Gap): boolean => gap.architecture === id && gap.kernel === kernel;
  const covered = (kind: MatrixRow['kind']): Cell => {
    const used = usedCells(rows, kind, index).length;
    const gaps = matrix.uncovered.filter((gap) => here(gap) && gap.name.startsWith(`${kind}/`)).length;
    return { text: `${used - gaps} of ${used}`, tone: gaps === 0 ? 'good' : 'bad' };
  };
  const unknown = matrix.unknown.filter(here).length;
  return {
    cells: [
      title,
      kernel,
      modules,
      covered('relocation'),
      covered('section'),
      { text: unknown, tone: unknown === 0 ? undefined : 'bad' },
    ],
  };
}

function usedCells(
  rows: readonly MatrixRow[],
  kind: MatrixRow['kind'],
  index: number,
): readonly MatrixCell[] {
  return rows
    .filter((row) => row.kind === kind)
    .flatMap(({ cells }) => cells[index] ?? [])
    .filter(({ usage }) => (usage?.modules ?? 0) > 0);
}

/** One line for files that were scanned and stand in no column. */
function outsideBlocks({ outside }: CoverageMatrix): readonly Block[] {
  if (outside.length === 0) return [];
  const releases = outside.map(
    ({ architecture, release, modules }) => `${architecture} ${release} (${modules})`,
  );
  return [
    { kind: 'paragraph', text: `Also scanned, but of no kernel of the table: ${releases.join(', ')}.` },
  ];
}

/** Gaps of one name and reason in one line, with the kernels that have them. */
function gapTable(matrix: CoverageMatrix, gaps: readonly Gap[], empty: string): Block {
  const lines = new Map<string, readonly Gap[]>();
  for (const gap of gaps) {
    const key = JSON.stringify([gap.name, gap.architecture, gap.reason]);
    lines.set(key, [...(lines.get(key) ?? []), gap]);
  }
  return {
    kind: 'table',
    columns: ['name', 'architecture', 'kernels', 'modules', 'reason'].map((label) => ({ label })),
    rows: [...lines.values()].flatMap((line): readonly Row[] => {
      const [first] = line;
      if (first === undefined) return [];
      const kernels = matrix.kernels.filter((kernel) => line.some((gap) => gap.kernel === kernel));
      const modules = line.reduce((sum, gap) => sum + gap.modules, 0);
      const title = matrix.rows.find((row) => row.feature === first.name)?.title ?? first.name;
      return [
        {
          cells: [{ text: title, code: true }, first.architecture, kernels.join(' '), modules, first.reason],
        },
      ];
    }),
    empty,
  };
}
