import type { Block, Report } from '@kelp/report';
import type { ArchitectureCounts, Census, Counts, FailedFile, KernelCounts } from './census.ts';
import { functionSentences } from './function-report.ts';
import { judgeFunctions } from './function-verdicts.ts';
import { placesText } from './section-description.ts';
import { detectTable, type DetectedTable } from './table-detector.ts';

/** What `kelp scan` prints for people: totals, relocation types and special sections of each architecture. */
export function censusReport(census: Census, titles: ReadonlyMap<string, string>): Report {
  const architectures = Object.entries(census.architectures);
  return {
    title: 'Census',
    blocks: [
      totalsTable(architectures, titles),
      ...architectures
        .filter(([, { modules }]) => modules > 0)
        .flatMap(([id, counts]) => architectureBlocks(titles.get(id) ?? id, counts)),
      ...failedBlocks([...architectures.flatMap(([, { failed }]) => failed), ...census.failed]),
    ],
  };
}

function totalsTable(
  architectures: readonly (readonly [string, ArchitectureCounts])[],
  titles: ReadonlyMap<string, string>,
): Block {
  return {
    kind: 'table',
    columns: ['architecture', 'kernel', 'files', 'relocations', 'sections', 'special, not known'].map(
      (label) => ({ label }),
    ),
    rows: architectures.flatMap(([id, { kernels }]) =>
      kernels.map((kernel) => ({ cells: [titles.get(id) ?? id, kernel.release, ...totals(kernel)] })),
    ),
    empty: 'no module was scanned',
  };
}

function totals({ modules, relocations, sections }: Counts): readonly number[] {
  return [
    modules,
    relocations.reduce((sum, { count }) => sum + count, 0),
    sections.length,
    sections.filter(({ special, known }) => special && !known).length,
  ];
}

function architectureBlocks(
  title: string,
  { relocations, sections, kernels }: ArchitectureCounts,
): readonly Block[] {
  return [
    { kind: 'heading', level: 2, text: title },
    ...kernels.flatMap(functionBlocks),
    ...unknownBlocks(kernels),
    {
      kind: 'table',
      caption: 'Relocation types',
      columns: ['type', 'name', 'count', 'files'].map((label) => ({ label })),
      rows: relocations.map(({ type, name, count, modules }) => ({ cells: [type, name, count, modules] })),
    },
    {
      kind: 'table',
      caption: 'Special sections',
      columns: [
        { label: 'section' },
        ...['files', 'bytes', 'entries'].map((label) => ({ label, align: 'right' as const })),
        { label: 'known' },
      ],
      rows: sections
        .filter(({ special }) => special)
        .map(({ name, modules, bytes, entries, known }) => ({
          cells: [
            { text: name, code: true },
            modules,
            bytes,
            entries ?? '',
            known ? 'yes' : { text: 'no', tone: 'bad' },
          ],
        })),
    },
  ];
}

function functionBlocks({ release, functions }: KernelCounts): readonly Block[] {
  const verdicts = judgeFunctions(functions);
  if (verdicts.functions === 0) return [];
  const items = functionSentences(verdicts);
  return [
    { kind: 'paragraph', text: `Functions of ${release}:` },
    { kind: 'list', items },
  ];
}

/** Sections that look like tables of the kernel, and that no row knows. */
function unknownBlocks(kernels: readonly KernelCounts[]): readonly Block[] {
  const rows = kernels.flatMap(({ release, sections, shapes }) => {
    const unknown = new Map(sections.filter(({ known }) => !known).map((section) => [section.name, section]));
    return shapes.flatMap((shape) => {
      const section = unknown.get(shape.section);
      const table = section === undefined ? undefined : detectTable(shape);
      if (section === undefined || table === undefined) return [];
      return [
        { cells: [{ text: section.name, code: true }, release, section.modules, ...tableCells(table)] },
      ];
    });
  });
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      caption: 'Special sections that no row knows',
      columns: ['section', 'kernel', 'files', 'signs', 'entry size', 'pointers at', 'pointing to'].map(
        (label) => ({
          label,
        }),
      ),
      rows,
    },
  ];
}

function tableCells(table: DetectedTable): readonly (string | number)[] {
  const targets = table.targets.slice(0, 4).map((name) => name || 'other files');
  return [table.signals.join(', '), table.stride ?? '', placesText(table), targets.join(', ')];
}

function failedBlocks(failed: readonly FailedFile[]): readonly Block[] {
  if (failed.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Failed' },
    {
      kind: 'table',
      columns: ['file', 'code', 'message'].map((label) => ({ label })),
      rows: failed.map(({ file, code, message }) => ({
        cells: [file, { text: code, tone: 'bad' }, message],
      })),
    },
  ];
}
