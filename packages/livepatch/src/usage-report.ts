import type { Architecture, Hazard } from '@kelp/core';
import type { Block, Cell, Report, StyledCell, TableBlock } from '@kelp/report';
import type { Uses } from './tally.ts';
import { usageSchema, type ArchitectureUsage, type Scope } from './usage.ts';

/** What was not counted. */
export interface NotCounted {
  /** Modules that are no livepatches. */
  readonly others: readonly string[];
  readonly failed: readonly { readonly file: string; readonly code: string; readonly message: string }[];
}

/** Rows of a table at most; all of them are in the JSON. */
const shown = 20;

/** What `kelp usage` prints: for each architecture what its livepatches replace, and what they are relocated with. */
export function usageReport(
  usage: readonly ArchitectureUsage[],
  { others, failed }: NotCounted,
  architectures: readonly Architecture[],
): Report {
  const total = usage.reduce((sum, { livepatches }) => sum + livepatches, 0);
  const titles = new Map(architectures.map(({ id, title }) => [id, title]));
  return {
    title: `${total} ${total === 1 ? 'livepatch' : 'livepatches'}`,
    blocks: [
      ...usage.flatMap((one) => architectureBlocks(one, titles.get(one.architecture) ?? one.architecture)),
      ...(others.length === 0
        ? []
        : [paragraph(`Not counted, as they are no livepatches: ${others.length} files`)]),
      ...(failed.length === 0
        ? []
        : [
            paragraph('Files that could not be read:'),
            {
              kind: 'list',
              items: failed.map(({ file, code, message }) => `${file}: ${message} (${code})`),
            } as const,
          ]),
    ],
  };
}

function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

function architectureBlocks(usage: ArchitectureUsage, title: string): readonly Block[] {
  const { livepatches, patching, functions } = usage;
  const replaced = (scope: Scope): number =>
    usage.objects.filter((one) => one.scope === scope).reduce((sum, { count }) => sum + count, 0);
  return [
    { kind: 'heading', level: 2, text: title },
    {
      kind: 'definitions',
      definitions: [
        { term: 'Livepatches', value: livepatches },
        {
          term: 'Kernels',
          value: usage.kernels.map(({ release, count }) => `${release} (${count})`).join(', '),
        },
        {
          term: 'They patch',
          value:
            `modules only: ${patching.modules}, vmlinux only: ${patching.vmlinux}, both: ${patching.both}, ` +
            `not told by their data: ${patching.unknown}`,
        },
        {
          term: 'Functions replaced',
          value: `in vmlinux: ${replaced('vmlinux')}, in modules: ${replaced('module')}, different ones: ${functions.length}`,
        },
      ],
    },
    table('Objects', usage.objects, [
      ['object', ({ object }) => object],
      ['functions', ({ count }) => count],
    ]),
    table('Functions', functions, [
      ['object', ({ object }) => object],
      ['function', ({ name }) => ({ text: name, code: true })],
    ]),
    table('Types of livepatch relocations', usage.relocationTypes, [
      ['for', ({ scope }) => scope],
      ['type', ({ name }) => ({ text: name, code: true })],
      ['relocations', ({ count }) => count],
    ]),
    table('Sections that livepatch relocations change', usage.relocatedSections, [
      ['for', ({ scope }) => scope],
      ['section', ({ section }) => ({ text: section, code: true })],
      ['hazard', ({ hazard }) => (hazard === null ? '' : hazardCell(hazard))],
      ['relocations', ({ count }) => count],
    ]),
    table('Symbols of livepatch relocations', usage.symbols, [
      ['object', ({ object }) => object],
      ['symbol', ({ name }) => ({ text: name, code: true })],
      ['relocations', ({ count }) => count],
    ]),
    table('Special sections that they carry', usage.specialSections, [
      ['section', ({ section }) => ({ text: section, code: true })],
      ['hazard', ({ hazard }) => hazardCell(hazard)],
      ['entries', ({ count }) => (count === 0 ? '' : count)],
    ]),
  ];
}

function hazardCell(hazard: Hazard['level']): StyledCell {
  return { text: hazard, ...(hazard === 'high' ? { tone: 'warning' } : {}) };
}

/** A table of things with the number of livepatches that have them, cut where it gets long. */
function table<Item extends Uses>(
  caption: string,
  items: readonly Item[],
  columns: readonly (readonly [label: string, cell: (item: Item) => Cell])[],
): TableBlock {
  const cut = items.length > shown ? `, the first ${shown} of ${items.length}` : '';
  return {
    kind: 'table',
    caption: `${caption}${cut}`,
    columns: [...columns.map(([label]) => ({ label })), { label: 'livepatches' }],
    rows: items
      .slice(0, shown)
      .map((item) => ({ cells: [...columns.map(([, cell]) => cell(item)), item.livepatches] })),
  };
}

/** Plain data of the same, for `--json`; schema/usage.schema.json describes it. */
export function usageJson(usage: readonly ArchitectureUsage[], { others, failed }: NotCounted): unknown {
  return { schema: usageSchema, architectures: usage, others, failed };
}
