import type { Architecture } from '@kelp/core';
import type { Block, Report, Row } from '@kelp/report';
import { compareText } from './compare-text.ts';
import { keyedTables } from './patching-costs.ts';
import type { PatchedKernel, PatchedUse } from './patched-use.ts';

/** One line of a count. */
interface PatchedCount {
  readonly label: string;
  readonly count: number;
}

/** What `kelp patched` counts for one kernel. All counts are rows of the list. */
export interface PatchedSummary {
  readonly rows: number;
  readonly fixes: number;
  readonly inModules: number;
  /** Rows by what the list and the kernel say about them. */
  readonly states: readonly PatchedCount[];
  /** Rows whose function's special sections are known: those that were found in their module. */
  readonly examined: number;
  /** Of the examined rows: by special section, and by what the keys belong to. */
  readonly sections: readonly PatchedCount[];
  readonly uses: readonly PatchedCount[];
  readonly verdicts: readonly PatchedCount[];
  /** Rows in modules and in all, by year and by subsystem. */
  readonly years: readonly { readonly year: string; readonly modules: number; readonly rows: number }[];
  readonly subsystems: readonly PatchedCount[];
}

/** Count what the functions of a list are and carry in one kernel. */
export function summarizePatched({ functions }: PatchedKernel): PatchedSummary {
  const examined = functions.filter(({ state, sections }) => state === 'found' && sections !== undefined);
  const years = new Map<string, { modules: number; rows: number }>();
  for (const { year = 'unknown', object } of functions) {
    const sum = years.get(year) ?? { modules: 0, rows: 0 };
    years.set(year, { modules: sum.modules + (object === 'vmlinux' ? 0 : 1), rows: sum.rows + 1 });
  }
  return {
    rows: functions.length,
    fixes: new Set(functions.map(({ fix }) => fix)).size,
    inModules: functions.filter(({ object }) => object !== 'vmlinux').length,
    states: counts(functions, ({ state, object }) => [
      object === 'vmlinux' ? `vmlinux: ${state}` : `module: ${state}`,
    ]),
    examined: examined.length,
    sections: counts(examined, ({ sections = [] }) => sections.map(({ section }) => section)),
    uses: counts(examined, usesOf),
    verdicts: counts(examined, ({ verdict }) => [verdict ?? 'no key of a module']),
    years: [...years].toSorted(([a], [b]) => compareText(a, b)).map(([year, sum]) => ({ year, ...sum })),
    subsystems: counts(examined, ({ subsystem = '' }) => [subsystem]),
  };
}

/** What a function uses of the tables of keys: each once. */
function usesOf({ keys }: PatchedUse): readonly string[] {
  const uses = keys.flatMap(({ table, kind, external }) => [
    keyedTables.some(({ section }) => section === table) ? table : '',
    kind === 'key' ? (external ? 'key of another file' : 'key of its own module') : kind,
  ]);
  return [...new Set(uses)].filter((use) => use !== '');
}

function counts(
  functions: readonly PatchedUse[],
  labels: (one: PatchedUse) => readonly string[],
): readonly PatchedCount[] {
  const sums = new Map<string, number>();
  for (const one of functions) for (const label of labels(one)) sums.set(label, (sums.get(label) ?? 0) + 1);
  return [...sums]
    .map(([label, count]) => ({ label, count }))
    .toSorted((a, b) => b.count - a.count || compareText(a.label, b.label));
}

/** How `kelp patched` prints. */
export interface PatchedReportOptions {
  /** Also list the functions with what they carry. */
  readonly list?: boolean;
}

/** Where functions that were really patched lie in each kernel, and what they carry. */
export function patchedReport(
  kernels: readonly PatchedKernel[],
  architectures: readonly Architecture[],
  { list = false }: PatchedReportOptions = {},
): Report {
  return {
    title: 'Functions that were patched',
    blocks: kernels.flatMap((kernel) => {
      const title = architectures.find(({ id }) => id === kernel.architecture)?.title ?? kernel.architecture;
      return [
        { kind: 'heading', level: 2, text: `${title} ${kernel.release}` } as const,
        ...summaryBlocks(kernel, summarizePatched(kernel)),
        ...(list ? [listTable(kernel)] : []),
      ];
    }),
  };
}

function summaryBlocks({ image }: PatchedKernel, summary: PatchedSummary): readonly Block[] {
  const { rows, fixes, inModules, examined } = summary;
  return [
    {
      kind: 'paragraph',
      text: `${rows} functions of ${fixes} fixes; ${inModules} (${share(inModules, rows)}) in modules. ${examined} were found in their module in this kernel.${image ? '' : ' No kernel image was scanned, so nothing is known about functions of vmlinux.'}`,
    },
    countTable('Found', 'object and state', summary.states, rows),
    countTable('Keys of the functions found', 'what', summary.uses, examined),
    countTable('What the livepatch tools do with them', 'verdict', summary.verdicts, examined),
    countTable('Special sections that name them', 'section', summary.sections, examined),
    {
      kind: 'table',
      caption: 'By year',
      columns: [
        { label: 'year' },
        ...['in modules', 'all', 'share'].map((label) => ({ label, align: 'right' as const })),
      ],
      rows: summary.years.map(({ year, modules, rows: all }) => ({
        cells: [year, modules, all, share(modules, all)],
      })),
    },
    countTable('By subsystem', 'subsystem', summary.subsystems, examined),
  ];
}

function countTable(caption: string, label: string, list: readonly PatchedCount[], of: number): Block {
  return {
    kind: 'table',
    caption,
    columns: [{ label }, { label: 'functions', align: 'right' }, { label: 'share', align: 'right' }],
    rows: list.map(({ label: name, count }) => ({ cells: [name, count, share(count, of)] })),
  };
}

function listTable({ functions }: PatchedKernel): Block {
  return {
    kind: 'table',
    caption: 'Functions',
    columns: ['fix', 'object', 'function', 'state', 'verdict', 'special sections'].map((label) => ({
      label,
    })),
    rowHeader: 2,
    rows: functions.map((one): Row => ({
      cells: [
        one.fix,
        one.object,
        { text: one.function, code: true },
        one.state,
        one.verdict ?? '',
        (one.sections ?? []).map(({ section, entries }) => `${section} ${entries}`).join(', '),
      ],
    })),
  };
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${((part / whole) * 100).toFixed(1)} %`;
}
