import { createHash } from 'node:crypto';
import { escapeHtml } from '../escape.ts';
import { hexDump } from '../hex-dump.ts';
import type { Block, Report } from '../report.ts';
import { chartTable } from '../chart.ts';
import { renderChart } from './chart.ts';
import { checkFilters, type Filter, isTagged, renderFilters } from './filter.ts';
import { PAGE_SCRIPT } from './script.ts';
import { PAGE_STYLE } from './style.ts';
import { renderTable, type TablePlacement } from './table.ts';
import { textHtml } from './text.ts';

/** What a page offers beside the report. */
export interface HtmlOptions {
  /** Groups of checkboxes that hide rows and columns. A search by name is there whenever the page has a table with rows. */
  readonly filters?: readonly Filter[] | undefined;
}

/**
 * A report as one HTML page that loads nothing else and works from a file. Without scripts it shows everything; with them it offers the
 * filters, whose state is kept in the fragment of the address. Everything from the report is escaped, and the page's content security
 * policy runs no script but its own.
 */
export function renderHtml(report: Report, options: HtmlOptions = {}): string {
  const { filters = [] } = options;
  checkFilters(filters);
  const title = escapeHtml(report.title);
  const filtered = filteredTables(report.blocks, filters);
  const [first] = filtered;
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy()}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${title}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    `<header><h1>${title}</h1></header>`,
    '<main>',
    ...report.blocks.flatMap((block, index) => [
      // The controls stand before the first table that they change.
      ...(block === first ? [renderFilters(filters)] : []),
      renderBlock(block, { id: `block-${index}`, filters, isFiltered: filtered.has(block) }),
    ]),
    '</main>',
    ...(first === undefined ? [] : [`<script>${PAGE_SCRIPT}</script>`]),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** The tables in which something carries a tag of a filter; all tables with rows, if there is none. */
function filteredTables(blocks: readonly Block[], filters: readonly Filter[]): ReadonlySet<Block> {
  const tables = blocks.filter((block) => block.kind === 'table').filter(({ rows }) => rows.length > 0);
  const tagged = tables.filter((table) => isTagged(table, filters));
  return new Set(tagged.length > 0 ? tagged : tables);
}

function contentSecurityPolicy(): string {
  return [
    "default-src 'none'",
    `style-src ${sourceHash(PAGE_STYLE)}`,
    `script-src ${sourceHash(PAGE_SCRIPT)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function sourceHash(source: string): string {
  return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
}

function renderBlock(block: Block, placement: TablePlacement): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${escapeHtml(block.text)}</h${block.level}>`;
    case 'paragraph':
      return `<p>${textHtml(block.text)}</p>`;
    case 'list':
      return ['<ul>', ...block.items.map((item) => `<li>${textHtml(item)}</li>`), '</ul>'].join('\n');
    case 'definitions':
      return [
        '<dl>',
        ...block.definitions.map(
          ({ term, value }) => `<dt>${escapeHtml(term)}</dt><dd>${textHtml(value)}</dd>`,
        ),
        '</dl>',
      ].join('\n');
    case 'table':
      return renderTable(block, placement);
    case 'chart':
      return [
        renderChart(block),
        `<details><summary>${escapeHtml(`Numbers: ${block.title}`)}</summary>`,
        renderTable(chartTable(block), { ...placement, isFiltered: false }),
        '</details>',
      ].join('\n');
    case 'code':
      return codeBlock(block.text.split('\n'));
    case 'bytes':
      return codeBlock(hexDump(block));
  }
}

function codeBlock(lines: readonly string[]): string {
  return `<pre tabindex="0"><code>${lines.map((line) => escapeHtml(line)).join('\n')}</code></pre>`;
}
