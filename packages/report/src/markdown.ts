import { markdownTable } from 'markdown-table';
import { chartTable } from './chart.ts';
import { displayWidth } from './display-width.ts';
import { escapeMarkdown, escapeMarkdownInline, escapeTerminal } from './escape.ts';
import { hexDump } from './hex-dump.ts';
import type { Block, Report, Table, Text } from './report.ts';
import { alignments, checkTable, emptyText } from './table.ts';
import { inlineSpans, styled } from './text.ts';

/** A report as GitHub Flavored Markdown, ending in a newline. Tones and hover texts are left out. */
export function renderMarkdown(report: Report): string {
  const parts = [`# ${escapeMarkdown(report.title)}`, ...report.blocks.map(renderBlock)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${escapeMarkdown(block.text)}`;
    case 'paragraph':
      return blockText(block.text);
    case 'list':
      return block.items.map((item) => `- ${blockText(item)}`).join('\n');
    case 'definitions':
      return block.definitions
        .map(({ term, value }) => `- **${escapeMarkdownInline(term.trim())}:** ${inlineText(value)}`)
        .join('\n');
    case 'table':
      return renderTable(block);
    case 'chart':
      return renderTable(chartTable(block));
    case 'code':
      return fenced(block.text.split('\n').map(escapeTerminal));
    case 'bytes':
      return fenced(hexDump(block));
  }
}

function renderTable(table: Table): string {
  checkTable(table);
  const caption = table.caption === undefined ? '' : `${escapeMarkdown(table.caption)}:\n\n`;
  if (table.rows.length === 0) return `${caption}${escapeMarkdown(emptyText(table))}`;
  const rows = [
    table.columns.map((column) => escapeMarkdownInline(column.label)),
    ...table.rows.map((row) => row.cells.map(inlineText)),
  ];
  const align = alignments(table).map((side) => (side === 'right' ? 'right' : ''));
  return caption + markdownTable(rows, { align, stringLength: paddedWidth });
}

/** Cells are padded to align in the source, but one long name does not widen its whole column. */
function paddedWidth(cell: string): number {
  return Math.min(displayWidth(cell), 120);
}

/** A text inside a line. */
function inlineText(text: Text): string {
  return renderText(text, escapeMarkdownInline);
}

/** A text at the beginning of a line. */
function blockText(text: Text): string {
  return renderText(text, escapeMarkdown);
}

function renderText(text: Text, escapeFirst: (text: string) => string): string {
  const { code = false, text: value } = styled(text);
  return inlineSpans(text)
    .map((span, index) => {
      const isValue = index === 0 && value !== '';
      if (isValue && code && fitsCodeSpan(span.text)) return `\`${span.text}\``;
      return index === 0 ? escapeFirst(span.text) : escapeMarkdownInline(span.text);
    })
    .join('');
}

/**
 * Nothing is escaped inside a code span, and a table still ends its cell at a pipe there. Names with such characters are set as
 * ordinary text; so are those with a space at an end, which a code span may drop, and those with something invisible.
 */
function fitsCodeSpan(text: string): boolean {
  return text !== '' && text.trim() === text && !/[`|\\]/.test(text) && escapeTerminal(text) === text;
}

function fenced(lines: readonly string[]): string {
  const longest = lines
    .flatMap((line) => line.match(/`+/g) ?? [])
    .reduce((length, run) => Math.max(length, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return [fence, ...lines, fence].join('\n');
}
