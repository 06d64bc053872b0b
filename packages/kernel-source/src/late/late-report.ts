import type { Block, Cell, Report, Table } from '@kelp/report';
import { stageNames, stages } from './entry-points.ts';
import type { LateModulesEstimate } from './estimate.ts';
import { countLines, type LateCode, type LineRange } from './late-code.ts';

const code = (text: string): { readonly text: string; readonly code: true } => ({ text, code: true });

function block(
  text: string,
  labels: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly Block[] {
  const table: Table = {
    columns: labels.map((label) => ({ label })),
    rows: rows.map((cells) => ({ cells })),
  };
  return [
    { kind: 'heading', level: 2, text },
    { kind: 'table', ...table },
  ];
}

/** An estimate for people. */
export function lateModulesReport(estimate: LateModulesEstimate): Report {
  const { code: found, staying, comparison, unread } = estimate;
  const { series, misses, extras } = comparison;
  const blocks: readonly Block[] = [
    ...block(
      'What could go',
      ['stage', 'assumed', 'functions', 'fields', 'call sites', 'lines'],
      stagesOf(found),
    ),
    ...block(
      'Lines by file',
      ['architecture', 'file', 'functions', 'call sites', 'lines'],
      filesOf(estimate),
    ),
    ...block(
      'Why',
      ['stage', 'what', 'name', 'place', 'in', 'reason'],
      found.map((one) => [
        one.stage,
        one.kind,
        code(one.name),
        code(`${one.file}:${describeLines(one.lines)}`),
        code(one.in === undefined ? '' : `${one.in}()`),
        one.reason,
      ]),
    ),
    ...block(
      'What stays although it might be expected to go',
      ['stage', 'name', 'reason'],
      staying.map((one) => [one.stage, code(one.name), one.reason]),
    ),
    { kind: 'heading', level: 2, text: 'Compared with a list made by hand' },
    {
      kind: 'paragraph',
      text:
        series === undefined
          ? 'The list says nothing about this kernel.'
          : `${comparison.listed} rows for ${series}: ${misses.length} missed, ${extras.length} found beyond it; ${comparison.listedLines} lines listed, ${comparison.foundLines} found, ${comparison.commonLines} of them the same.`,
    },
    ...block(
      'Listed and not found',
      ['what', 'name', 'file', 'in', 'reason of the list'],
      misses.map((row) => [row.kind, code(row.name), code(row.file), code(row.in ?? ''), row.reason]),
    ),
    ...block(
      'Found and not listed',
      ['what', 'name', 'place', 'in', 'reason'],
      extras.map((one) => [
        one.kind,
        code(one.name),
        code(`${one.file}:${describeLines(one.lines)}`),
        code(one.in ?? ''),
        one.reason,
      ]),
    ),
    ...block(
      'Not read',
      ['place', 'what'],
      unread.map(({ file, line, what }) => [code(`${file}:${line}`), what]),
    ),
  ];
  return { title: `Late modules in Linux ${estimate.version}, ${estimate.root}`, blocks };
}

function stagesOf(found: readonly LateCode[]): readonly (readonly Cell[])[] {
  const rows = stageNames.map((stage) => [
    stage,
    stages[stage],
    ...countsOf(found.filter((one) => one.stage === stage)),
  ]);
  return [...rows, ['all', '', ...countsOf(found)]];
}

/** Functions, fields, call sites and lines. */
function countsOf(found: readonly LateCode[]): readonly number[] {
  const count = (kind: LateCode['kind']): number => found.filter((one) => one.kind === kind).length;
  return [
    new Set(found.filter(({ kind }) => kind === 'function').map(({ name }) => name)).size,
    count('field'),
    count('call'),
    linesByFile(found).reduce((sum, [, lines]) => sum + lines, 0),
  ];
}

function linesByFile(found: readonly LateCode[]): readonly (readonly [file: string, lines: number])[] {
  const files = new Map<string, LineRange[]>();
  for (const { file, lines } of found) files.set(file, [...(files.get(file) ?? []), ...lines]);
  return [...files].map(([file, ranges]) => [file, countLines(ranges)]);
}

function filesOf({ code: found, architectures }: LateModulesEstimate): readonly (readonly Cell[])[] {
  return linesByFile(found).map(([file, lines]) => {
    const here = found.filter((one) => one.file === file);
    const [functions = 0, , calls = 0] = countsOf(here);
    const folder = /^arch\/(\w+)\//u.exec(file)?.[1];
    return [
      folder === undefined ? 'all' : (architectures.get(folder) ?? folder),
      code(file),
      functions,
      calls,
      lines,
    ];
  });
}

function describeLines(lines: readonly LineRange[]): string {
  return lines.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** An estimate for programs: schema `kelp-late-modules/1`. */
export function lateModulesJson(estimate: LateModulesEstimate): object {
  const { root, version, comparison } = estimate;
  return {
    schema: 'kelp-late-modules/1',
    tree: { root, version },
    stages,
    lines: Object.fromEntries(linesByFile(estimate.code)),
    code: estimate.code.map((one) => ({ ...one, in: one.in ?? null })),
    staying: estimate.staying,
    list: { ...comparison, series: comparison.series ?? null },
    unread: estimate.unread,
  };
}
