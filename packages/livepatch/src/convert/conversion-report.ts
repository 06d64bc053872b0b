import type { Block } from '@kelp/report';
import { findingTable } from '../finding-table.ts';
import type { Conversion } from './convert.ts';

/** Blocks that show what was converted, or why nothing was. */
export function conversionBlocks({ dialect, sections, symbols, findings }: Conversion): readonly Block[] {
  const relocations = sections.reduce((sum, { count }) => sum + count, 0);
  return [
    {
      kind: 'definitions',
      definitions: [
        { term: 'Dialect', value: dialect ?? 'none: the file is converted already' },
        { term: 'Relocations', value: relocations },
        { term: 'Symbols', value: symbols.length },
      ],
    },
    {
      kind: 'table',
      columns: [
        { label: 'object' },
        { label: 'section' },
        { label: 'relocates' },
        { label: 'count', align: 'right' },
      ],
      rows: sections.map(({ object, name, target, count }) => ({
        cells: [object, { text: name, code: true }, { text: target, code: true }, count],
      })),
    },
    ...findingTable(findings),
  ];
}

/** Plain data of the same, for `--json`. Sympos is a string: it may have 64 bits. */
export function conversionJson(conversion: Conversion): unknown {
  return {
    schema: 1,
    dialect: conversion.dialect ?? null,
    converted: conversion.bytes !== undefined,
    sections: conversion.sections,
    symbols: conversion.symbols.map(({ object, name, position }) => ({
      object,
      name,
      sympos: position.toString(),
    })),
    findings: conversion.findings,
  };
}
