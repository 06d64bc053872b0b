import type { Block, Cell, Column, Filter, Report, Row, StyledCell, Tone } from '@kelp/report';
import { checks, type Check } from './evidence.ts';
import type { FeatureKind } from './feature.ts';
import { isScanned, summaryBlocks } from './matrix-summary.ts';
import type { CoverageMatrix, MatrixCell, MatrixRow, ToolCell } from './matrix.ts';

export interface MatrixReportOptions {
  /** Show features too that no kernel of the matrix has and no module uses, such as refused relocation types. */
  readonly all?: boolean;
  /** Show only what scanned modules use. */
  readonly used?: boolean;
}

/** One letter for each flag, in the order of {@link checks}. */
const flagLetters: Readonly<Record<Check, string>> = {
  recognized: 'R',
  decoded: 'D',
  applied: 'A',
  reversible: 'V',
  proven: 'P',
};

const kindTitles: readonly (readonly [FeatureKind, string])[] = [
  ['capability', 'Capabilities of the kernel'],
  ['section', 'Special sections'],
  ['relocation', 'Relocation types'],
];

/** What the cells say. Pages spell the flags out and tell more on hovering. */
function legend(matrix: CoverageMatrix, form: 'letters' | 'page'): Block {
  const used = isScanned(matrix) ? ', how many scanned modules use it' : '';
  return {
    kind: 'list',
    items: [
      `Each cell: whether the kernel has it (yes, no, if: under the condition in the last column)${used}, what Kelp was shown to do with it.`,
      form === 'letters'
        ? 'R recognized, D decoded, A applied as a linker does, V reversible, P proven on kernel memory, ! contradicted; - nothing shown.'
        : 'Hovering over a cell tells the condition, the place in the kernel source, how often modules use it, and what the tools do in that kernel.',
      'klp-build, kpatch: what these tools do with it in the newest kernel of the table; empty where nothing is known.',
    ],
  };
}

/** The matrix with one table for each architecture and kind of feature: for terminals and Markdown. */
export function matrixReport(matrix: CoverageMatrix, options: MatrixReportOptions = {}): Report {
  const tables = matrix.architectures.flatMap(({ id, title }): readonly Block[] => [
    { kind: 'heading', level: 2, text: title },
    ...kindTitles.flatMap(([kind, caption]): readonly Block[] => {
      const rows = matrix.rows.filter(
        (row) => row.architecture === id && row.kind === kind && isShown(row, options),
      );
      if (rows.length === 0) return [];
      return [
        {
          kind: 'table',
          caption: `${caption}, ${title}`,
          columns: [
            { label: 'feature' },
            ...matrix.kernels.map((label): Column => ({ label })),
            ...toolColumns,
            conditionColumn,
          ],
          rows: rows.map((row): Row => ({
            cells: [
              { text: row.title, code: kind !== 'capability' },
              ...row.cells.map((cell) => compactCell(row, cell)),
              ...toolWords(row),
              conditionText(row),
            ],
          })),
        },
      ];
    }),
  ]);
  return {
    title: 'Coverage matrix',
    blocks: [...summaryBlocks(matrix), legend(matrix, 'letters'), ...tables],
  };
}

/** The matrix as one table whose rows and columns can be filtered: for HTML. */
export function matrixPage(matrix: CoverageMatrix): {
  readonly report: Report;
  readonly filters: readonly Filter[];
} {
  const kernels = matrix.kernels.map((label): Column => ({ label, tags: new Map([['kernel', [label]]]) }));
  const table: Block = {
    kind: 'table',
    caption: 'Features by architecture and kernel',
    columns: [
      { label: 'feature' },
      { label: 'architecture' },
      { label: 'kind' },
      ...kernels,
      ...toolColumns,
      conditionColumn,
    ],
    rows: matrix.rows.map((row): Row => ({
      cells: [
        { text: row.title, code: row.kind !== 'capability' },
        row.architecture,
        row.kind,
        ...row.cells.map(styledCell),
        ...toolWords(row),
        conditionText(row),
      ],
      tags: rowTags(row),
    })),
  };
  const report: Report = {
    title: 'Coverage matrix',
    blocks: [
      ...summaryBlocks(matrix),
      { kind: 'heading', level: 2, text: 'Matrix' },
      legend(matrix, 'page'),
      table,
    ],
  };
  return { report, filters: pageFilters(matrix) };
}

function isShown(row: MatrixRow, { all, used }: MatrixReportOptions): boolean {
  const isUsed = row.cells.some(({ usage }) => (usage?.modules ?? 0) > 0);
  if (used === true && row.kind !== 'capability') return isUsed;
  return (
    all === true ||
    isUsed ||
    row.kind === 'capability' ||
    row.cells.some(({ support }) => support.state !== 'no')
  );
}

const supportWords = { yes: 'yes', conditional: 'if', no: 'no' } as const;
const supportTones: Readonly<Record<'yes' | 'conditional' | 'no', Tone>> = {
  yes: 'good',
  conditional: 'warning',
  no: 'muted',
};

function compactCell({ kind }: MatrixRow, cell: MatrixCell): Cell {
  const { support, usage, flags, contradicted } = cell;
  const word = supportWords[support.state];
  const isShownByKelp = flags.length > 0 || contradicted;
  // What the kernel does not have and no module uses needs no count; a capability is no part of a file.
  if (!isShownByKelp && (kind === 'capability' || (support.state === 'no' && (usage?.modules ?? 0) === 0)))
    return word;
  return [word, ...(usage === null ? [] : [String(usage.modules)]), flagWord(cell)].join(' ');
}

function flagWord({ flags, contradicted }: MatrixCell): string {
  const letters = checks.filter((check) => flags.includes(check)).map((check) => flagLetters[check]);
  return `${letters.length === 0 ? '-' : letters.join('')}${contradicted ? '!' : ''}`;
}

function styledCell(cell: MatrixCell): StyledCell {
  const { support, usage, flags, contradicted, tools } = cell;
  const words = [
    support.condition === undefined ? [] : `Condition: ${support.condition}.`,
    support.source === undefined ? [] : `Source: ${support.source}.`,
    usage === null
      ? []
      : `Used by ${usage.modules} of ${usage.of} modules${usage.count === null ? '' : `, ${usage.count} times`}.`,
    tools.map(({ tool, state, note }) => `${tool}: ${state}${note === undefined ? '' : `, ${note}`}.`),
  ].flat();
  return {
    text: usage === null ? supportWords[support.state] : `${supportWords[support.state]} ${usage.modules}`,
    tone: supportTones[support.state],
    title: words.join(' '),
    badges: [
      ...flags.map((flag) => ({ text: flag, tone: 'good' as const })),
      ...(contradicted ? [{ text: 'contradicted', tone: 'bad' as const }] : []),
    ],
    tags: cellTags(cell),
  };
}

const toolNames = ['klp-build', 'kpatch'] as const;
const toolColumns: readonly Column[] = toolNames.map((label) => ({ label }));

const conditionColumn: Column = { label: 'if' };

/** The conditions of a row; with the kernels that they hold for where they are not the same everywhere. */
function conditionText({ cells }: MatrixRow): string {
  const kernels = new Map<string, string[]>();
  for (const { kernel, support } of cells) {
    if (support.condition === undefined) continue;
    kernels.set(support.condition, [...(kernels.get(support.condition) ?? []), kernel]);
  }
  if (kernels.size < 2) return [...kernels.keys()].join('');
  return [...kernels].map(([condition, holdsIn]) => `${holdsIn.join(' ')}: ${condition}`).join('; ');
}

/** What each tool does in the newest kernel of the row. */
function toolWords({ cells }: MatrixRow): readonly Cell[] {
  const tools: readonly ToolCell[] = cells.at(-1)?.tools ?? [];
  return toolNames.map((name) => {
    const found = tools.find(({ tool }) => tool === name);
    return found === undefined ? '' : { text: found.state, title: found.note };
  });
}

function rowTags({ architecture, kind }: MatrixRow): ReadonlyMap<string, readonly string[]> {
  return new Map([
    ['architecture', [architecture]],
    ['kind', [kind]],
  ]);
}

function cellTags({ flags, contradicted, usage }: MatrixCell): ReadonlyMap<string, readonly string[]> {
  const shown = [...flags, ...(contradicted ? ['contradicted'] : [])];
  return new Map([
    ['flag', shown.length === 0 ? ['none'] : shown],
    ['use', [(usage?.modules ?? 0) > 0 ? 'used' : 'not used']],
  ]);
}

function plain(values: readonly string[]): Filter['values'] {
  return values.map((value) => ({ value, label: value }));
}

function pageFilters(matrix: CoverageMatrix): readonly Filter[] {
  return [
    {
      name: 'architecture',
      label: 'Architecture',
      values: matrix.architectures.map(({ id, title }) => ({ value: id, label: title })),
    },
    { name: 'kernel', label: 'Kernel', values: plain(matrix.kernels) },
    { name: 'kind', label: 'Kind', values: plain(['capability', 'section', 'relocation']) },
    { name: 'flag', label: 'Flag', values: plain([...checks, 'contradicted', 'none']) },
    ...(isScanned(matrix) ? [{ name: 'use', label: 'Use', values: plain(['used', 'not used']) }] : []),
  ];
}
