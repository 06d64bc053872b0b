import type { Architecture } from '@kelp/core';
import type { Block, Row } from '@kelp/report';
import type { Livepatch } from './livepatch.ts';
import type { LivepatchRelocations } from './relocation-sections.ts';

/** Blocks that show what a livepatch replaces and what it is relocated against, for `kelp inspect`. */
export function livepatchBlocks(livepatch: Livepatch, architecture: Architecture): readonly Block[] {
  const { structures, intermediate, archSections } = livepatch;
  const rest = [...intermediate.map(({ section }) => section.name), ...archSections.map(({ name }) => name)];
  return [
    { kind: 'heading', level: 2, text: 'Livepatch' },
    {
      kind: 'definitions',
      definitions: [
        { term: 'Marked in modinfo', value: livepatch.flag === undefined ? 'no' : `yes (${livepatch.flag})` },
        {
          term: 'Objects and functions from',
          value: structures ?? 'nowhere: no structures were found in its data',
        },
        ...(rest.length === 0 ? [] : [{ term: 'Also carries', value: rest.join(', ') }]),
      ],
    },
    {
      kind: 'table',
      caption: 'Functions that it replaces',
      columns: [
        { label: 'object' },
        { label: 'function' },
        { label: 'sympos', align: 'right' },
        { label: 'replacement' },
      ],
      rows: functionRows(livepatch),
    },
    {
      kind: 'table',
      caption: 'Relocations that livepatch applies',
      columns: [
        { label: 'object' },
        { label: 'section' },
        { label: 'relocates' },
        { label: 'count', align: 'right' },
        { label: 'types' },
      ],
      rows: livepatch.relocations.map((one) => ({
        cells: [
          one.object ?? { text: 'none', tone: 'bad' },
          { text: one.section.name, code: true },
          one.target?.name ?? { text: 'nothing', tone: 'bad' },
          one.records.count,
          typeCounts(one, architecture)
            .map(({ name, count }) => `${name} ${count}`)
            .join(', '),
        ],
      })),
    },
    {
      kind: 'table',
      caption: 'Symbols that livepatch resolves',
      columns: [{ label: 'object' }, { label: 'symbol' }, { label: 'sympos', align: 'right' }],
      rows: livepatch.symbols.map(({ name, text }) => ({
        cells:
          name === undefined
            ? [{ text: 'unreadable', tone: 'bad' }, text, '']
            : [name.object, name.name, name.position],
      })),
    },
  ];
}

function functionRows({ objects }: Livepatch): readonly Row[] {
  return objects.flatMap(({ name, functions }) =>
    functions.map(({ oldName, newFunction, position }) => ({
      cells: [name, oldName ?? 'none', position, newFunction ?? 'none'],
    })),
  );
}

/** How often a relocation section uses each type, by number. */
function typeCounts(
  { records }: LivepatchRelocations,
  architecture: Architecture,
): readonly { readonly type: number; readonly name: string; readonly count: number }[] {
  const counts = new Map<number, number>();
  for (let index = 0; index < records.count; index++) {
    const type = records.type(index);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([type, count]) => ({
      type,
      name: architecture.relocationType(type)?.name ?? `unknown(${type})`,
      count,
    }));
}

/** Plain data of the same, for `--json`. Sympos is a string: it may have 64 bits. */
export function livepatchJson(livepatch: Livepatch, architecture: Architecture): unknown {
  return {
    flag: livepatch.flag ?? null,
    structures: livepatch.structures ?? null,
    objects: livepatch.objects.map(({ name, isModule, functions }) => ({
      name,
      isModule,
      functions: functions.map(({ oldName, newFunction, position }) => ({
        oldName: oldName ?? null,
        newFunction: newFunction ?? null,
        sympos: position.toString(),
      })),
    })),
    relocations: livepatch.relocations.map((one) => ({
      section: one.section.name,
      object: one.object ?? null,
      target: one.target?.name ?? null,
      types: typeCounts(one, architecture),
    })),
    symbols: livepatch.symbols.map(({ text, name }) => ({
      symbol: text,
      object: name?.object ?? null,
      name: name?.name ?? null,
      sympos: name?.position.toString() ?? null,
    })),
    intermediate: livepatch.intermediate.map(({ section, count }) => ({ section: section.name, count })),
    archSections: livepatch.archSections.map(({ name }) => name),
  };
}
