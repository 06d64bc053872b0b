import {
  appliesTo,
  decodeEntries,
  entrySource,
  fitLayout,
  matchesName,
  type CodeExtent,
  type EntryLayout,
  type RewrittenCode,
} from '@kelp/core';
import type { Section } from '@kelp/core/elf';
import type { LintContext } from './context.ts';

/** What tells where the code is: a module and the kernel that loads it. */
type CodeContext = Pick<LintContext, 'architecture' | 'kernel' | 'object' | 'table'>;

/** A range of bytes in a section that a special section is responsible for. */
export interface RewrittenRange {
  readonly start: number;
  readonly end: number;
  /** `code` is rewritten, `copy` is what it is overwritten with. */
  readonly kind: 'code' | 'copy';
  /** The special section. Untrusted: its name may match a pattern only. */
  readonly by: string;
}

/** Places that the kernel writes before relocations of modules are written, by index of the section they lie in. */
export function rewrittenRanges(context: CodeContext): ReadonlyMap<number, readonly RewrittenRange[]> {
  const ranges = new Map<number, RewrittenRange[]>();
  for (const section of context.object.sections) {
    for (const row of rowsFor(context, section)) collect(context, section, row, ranges);
  }
  return ranges;
}

/** The field of the table's key; undefined for a section that has none. */
export function keyField(context: CodeContext, section: Section): string | undefined {
  return rowsFor(context, section).find(({ key }) => key !== undefined)?.key;
}

function rowsFor({ architecture, kernel }: CodeContext, { index, name }: Section): readonly RewrittenCode[] {
  if (index === 0) return [];
  return (architecture.livepatch?.rewrittenCode ?? []).filter(
    (row) => matchesName({ name: row.section }, name) && appliesTo(row.applies, kernel),
  );
}

/** The layout of a special section that fits its bytes. */
export function layoutOf(
  { architecture, kernel, object }: CodeContext,
  section: Section,
): EntryLayout | undefined {
  const row = architecture.specialSection(section.name, kernel);
  if (row === undefined) return undefined;
  // Pointer fields that wait for a livepatch relocation have no ordinary one.
  return fitLayout(row, kernel, { ...entrySource(object, section), linked: true })?.layout;
}

function collect(
  context: CodeContext,
  section: Section,
  { code, copy }: RewrittenCode,
  ranges: Map<number, RewrittenRange[]>,
): void {
  const layout = layoutOf(context, section);
  if (layout === undefined) return;
  const extents = [[code, 'code'] as const, ...(copy === undefined ? [] : [[copy, 'copy'] as const])];
  for (const entry of decodeEntries(layout, entrySource(context.object, section))) {
    const fields = new Map<string, unknown>(Object.entries(entry));
    for (const [extent, kind] of extents) {
      const found = resolve(context, fields, extent);
      if (found === undefined) continue;
      const range = { start: found.start, end: found.end, kind, by: section.name };
      const known = ranges.get(found.section);
      if (known === undefined) ranges.set(found.section, [range]);
      else known.push(range);
    }
  }
}

interface Resolved {
  readonly section: number;
  readonly start: number;
  readonly end: number;
}

function resolve(
  context: CodeContext,
  fields: ReadonlyMap<string, unknown>,
  extent: CodeExtent,
): Resolved | undefined {
  const from = pointed(context, fields.get(extent.start));
  if (from === undefined) return undefined;
  if ('bytes' in extent) return { ...from, end: from.start + extent.bytes };
  if ('end' in extent) {
    const to = pointed(context, fields.get(extent.end));
    return to?.section === from.section ? { ...from, end: to.start } : undefined;
  }
  const length = fields.get(extent.length);
  return typeof length === 'number' ? { ...from, end: from.start + length } : undefined;
}

/** Section and offset that a pointer field refers to; undefined where nothing fills it. */
function pointed(
  { table }: CodeContext,
  field: unknown,
): { readonly section: number; readonly start: number } | undefined {
  if (typeof field !== 'object' || field === null || !('symbol' in field) || !('addend' in field))
    return undefined;
  const { symbol, addend } = field;
  if (typeof symbol !== 'number' || typeof addend !== 'bigint' || symbol === 0) return undefined;
  const section = table === undefined || symbol >= table.count ? undefined : table.sectionIndex(symbol);
  if (table === undefined || section === undefined) return undefined;
  return { section, start: Number(BigInt.asIntN(64, table.value(symbol) + addend)) };
}
