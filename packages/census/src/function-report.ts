import type { Architecture, Kernel, SpecialSection } from '@kelp/core';
import type { Block, Report, Row, Text } from '@kelp/report';
import type { Census, FunctionCounts, FunctionSectionCount, KernelCounts } from './census.ts';
import { compareText } from './compare-text.ts';
import { judgeFunctions, type FunctionVerdicts, type JudgedFunction } from './function-verdicts.ts';
import { readableKernel } from './readable-kernel.ts';

/** How `kelp functions` prints. */
export interface FunctionReportOptions {
  /** Also list the functions that would be refused, with their keys. */
  readonly list?: boolean;
}

/** What the functions of each kernel's modules carry, and which of them the livepatch tools refuse. */
export function functionReport(
  census: Census,
  architectures: readonly Architecture[],
  options: FunctionReportOptions = {},
): Report {
  return {
    title: 'Functions and special sections',
    blocks: Object.entries(census.architectures).flatMap(([id, { kernels }]) => {
      const architecture = architectures.find((one) => one.id === id);
      return kernels.flatMap((kernel) => kernelBlocks(architecture, kernel, options));
    }),
  };
}

function kernelBlocks(
  architecture: Architecture | undefined,
  kernel: KernelCounts,
  { list = false }: FunctionReportOptions,
): readonly Block[] {
  const verdicts = judgeFunctions(kernel.functions);
  return [
    { kind: 'heading', level: 2, text: `${architecture?.title ?? ''} ${kernel.release}`.trim() },
    ...functionSentences(verdicts).map((text): Block => ({ kind: 'paragraph', text })),
    subsystemTable(verdicts),
    sectionTable(architecture, readableKernel(kernel.release), kernel.functions, verdicts.functions),
    ...(list ? [listTable(verdicts.list)] : []),
  ];
}

/** The verdicts in words: `574 of 305,038 functions would be refused ...`. */
export function functionSentences({ functions, keyed, losing, list }: FunctionVerdicts): readonly string[] {
  const of = functions.toLocaleString('en-US');
  const refused = list.filter(({ verdict }) => verdict === 'refused');
  const unrecognized = list.length - refused.length;
  const modules = new Set(refused.map(({ module }) => module)).size;
  return [
    `${count(refused.length)} of ${of} functions would be refused by the livepatch tools (${share(refused.length, functions)}, in ${count(modules)} modules): a static key or static call of theirs lives in a module.`,
    ...(unrecognized === 0
      ? []
      : [
          `${count(unrecognized)} more would be refused by objtool klp diff because of a pr_debug() that it does not recognize by the name of its descriptor.`,
        ]),
    `${count(losing)} would lose a tracepoint or pr_debug(), which the tools leave out. ${count(keyed)} have a jump label or static call at all.`,
  ];
}

function subsystemTable({ subsystems }: FunctionVerdicts): Block {
  return {
    kind: 'table',
    caption: 'By subsystem',
    columns: [
      { label: 'subsystem' },
      ...['modules', 'functions', 'with keys', 'refused', 'share', 'unrecognized', 'losing'].map((label) => ({
        label,
        align: 'right' as const,
      })),
    ],
    rows: subsystems
      .filter(({ keyed }) => keyed > 0)
      .toSorted(
        (a, b) => b.refused - a.refused || b.losing - a.losing || compareText(a.subsystem, b.subsystem),
      )
      .map(({ subsystem, modules, functions, keyed, refused, unrecognized, losing }) => ({
        cells: [
          subsystem,
          modules,
          functions,
          keyed,
          refused === 0 ? 0 : { text: refused, tone: 'bad' },
          share(refused, functions),
          unrecognized,
          losing,
        ],
      })),
    empty: 'no function has a jump label or static call',
  };
}

function sectionTable(
  architecture: Architecture | undefined,
  kernel: Kernel | undefined,
  { sections }: FunctionCounts,
  functions: number,
): Block {
  return {
    kind: 'table',
    caption: 'By special section',
    columns: [
      { label: 'section' },
      ...['functions', 'share', 'entries', 'outside of functions'].map((label) => ({
        label,
        align: 'right' as const,
      })),
      { label: 'what a late livepatch must know' },
    ],
    rows: sumBySection(sections).map((use): Row => {
      const row = architecture?.specialSection(use.section, kernel);
      return {
        cells: [
          { text: use.section, code: true },
          use.functions,
          share(use.functions, functions),
          use.entries,
          use.outside,
          consequence(row),
        ],
      };
    }),
    empty: 'no special section names a function',
  };
}

function consequence(row: SpecialSection | undefined): Text & object {
  if (row === undefined) return { text: '' };
  const { level, reason } = row.hazard;
  const tone = level === 'high' ? 'bad' : level === 'data' ? 'warning' : undefined;
  return { text: level === 'none' ? reason : `${level}: ${reason}`, tone };
}

/** Sums over the subsystems; the most used first. */
export function sumBySection(
  sections: readonly FunctionSectionCount[],
): readonly Omit<FunctionSectionCount, 'subsystem'>[] {
  const sums = new Map<string, { functions: number; entries: number; outside: number }>();
  for (const { section, functions, entries, outside } of sections) {
    const sum = sums.get(section) ?? { functions: 0, entries: 0, outside: 0 };
    sums.set(section, {
      functions: sum.functions + functions,
      entries: sum.entries + entries,
      outside: sum.outside + outside,
    });
  }
  return [...sums]
    .map(([section, sum]) => ({ section, ...sum }))
    .toSorted((a, b) => b.functions - a.functions || compareText(a.section, b.section));
}

function listTable(list: readonly JudgedFunction[]): Block {
  return {
    kind: 'table',
    caption: 'Functions that would be refused',
    columns: ['module', 'function', 'verdict', 'keys'].map((label) => ({ label })),
    rowHeader: 1,
    rows: list.map(({ module, function: name, verdict, keys }) => ({
      cells: [
        module,
        { text: name, code: true },
        verdict,
        keys
          .map(({ table, key, external }) => `${key} (${table}${external ? ', of another module' : ''})`)
          .join(', '),
      ],
    })),
  };
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((part / whole) * 100).toFixed(1)} %`;
}
