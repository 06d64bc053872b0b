import picocolors from 'picocolors';
import { chartTable } from './chart.ts';
import { escapeTerminal } from './escape.ts';
import { hexDump } from './hex-dump.ts';
import type { Block, Definition, Report, Table, Text } from './report.ts';
import { alignments, checkTable, emptyText } from './table.ts';
import { layOutColumns, layOutInParts, type Room } from './terminal-columns.ts';
import { inlineSpans, type Span } from './text.ts';

/** How a report is printed on a terminal. */
export interface TerminalOptions {
  /** Columns of the terminal: text is broken to fit where it can be. Without it, as in a pipe, nothing is broken or cut. */
  readonly width?: number | undefined;
  /** Whether tones and headings use SGR escape sequences. Nothing is said by color alone. */
  readonly color: boolean;
}

interface Terminal extends Room {
  readonly bold: (text: string) => string;
}

/**
 * A report as plain text in aligned columns, ending in a newline. Everything in it is escaped: the only control characters are
 * newlines and, with `color`, SGR sequences.
 */
export function renderTerminal(report: Report, options: TerminalOptions): string {
  const terminal = openTerminal(options);
  let text = `${terminal.bold(visibleLine(report.title))}\n`;
  let separator = '\n';
  for (const block of report.blocks) {
    const lines = blockLines(block, terminal);
    if (lines.length === 0) continue;
    text += `${separator}${lines.join('\n')}\n`;
    // What a heading heads follows without a blank line.
    separator = block.kind === 'heading' ? '' : '\n';
  }
  return text;
}

function openTerminal({ width, color }: TerminalOptions): Terminal {
  const colors = picocolors.createColors(color);
  const tones = {
    good: colors.green,
    bad: colors.red,
    warning: colors.yellow,
    muted: colors.dim,
  } as const;
  return {
    width,
    bold: colors.bold,
    paint: (text, tone) => (tone === undefined ? text : tones[tone](text)),
  };
}

function blockLines(block: Block, terminal: Terminal): readonly string[] {
  switch (block.kind) {
    case 'heading':
      return [terminal.bold(visibleLine(block.text))];
    case 'paragraph':
      return layOutText(block.text, terminal);
    case 'list':
      return block.items.flatMap((item) => indent(terminal, '  - ', (room) => layOutText(item, room)));
    case 'definitions':
      return indent(terminal, '  ', (room) => definitionLines(block.definitions, room));
    case 'table':
      return tableLines(block, terminal);
    case 'chart':
      return tableLines(chartTable(block), terminal);
    case 'code':
      return block.text.split('\n').map((each) => visibleLine(`  ${each}`));
    case 'bytes':
      return hexDump(block).map((line) => `  ${line}`);
  }
}

function definitionLines(definitions: readonly Definition[], room: Room): readonly string[] {
  const rows = definitions.map(({ term, value }) => [
    [{ text: `${escapeTerminal(term)}:` }],
    escapedSpans(value),
  ]);
  return layOutColumns({ rows, alignments: ['left', 'left'] }, room);
}

function tableLines(table: Table, terminal: Terminal): readonly string[] {
  checkTable(table);
  const caption = table.caption === undefined ? [] : [`${visibleLine(table.caption)}:`];
  const lines = indent(terminal, '  ', (room) => {
    if (table.rows.length === 0) return layOutText(emptyText(table), room);
    const header = table.columns.map((column) => [{ text: escapeTerminal(column.label) }]);
    const rows = table.rows.map((row) => row.cells.map(escapedSpans));
    const columns = { rows: [header, ...rows], alignments: alignments(table) };
    return layOutInParts(columns, table.rowHeader ?? 0, room);
  });
  return [...caption, ...lines];
}

function layOutText(text: Text, room: Room): readonly string[] {
  return layOutColumns({ rows: [[escapedSpans(text)]], alignments: ['left'] }, room);
}

function visibleLine(text: string): string {
  return escapeTerminal(text).trimEnd();
}

function escapedSpans(text: Text): readonly Span[] {
  return inlineSpans(text).map((span) => ({ text: escapeTerminal(span.text), tone: span.tone }));
}

/** Lines behind `first`, which stands before the first line, and spaces before the others. */
function indent(
  { width, paint }: Room,
  first: string,
  layOut: (room: Room) => readonly string[],
): readonly string[] {
  const room = { width: width === undefined ? undefined : width - first.length, paint };
  const rest = ' '.repeat(first.length);
  return layOut(room).map((line, index) => `${index === 0 ? first : rest}${line}`.trimEnd());
}
