import { escapeHtml } from '../escape.ts';
import type { Cell, Row, Table } from '../report.ts';
import { alignments, checkTable, emptyText } from '../table.ts';
import { styled } from '../text.ts';
import { type Filter, tagAttributes } from './filter.ts';
import { classAttribute, titleAttribute, wordsHtml } from './text.ts';

/** What a table needs to know of the page around it. */
export interface TablePlacement {
  /** Unique in the page. */
  readonly id: string;
  readonly filters: readonly Filter[];
  /** Whether the filters and the search of the page hide rows of this table. */
  readonly isFiltered: boolean;
}

/** A table in a frame that scrolls, so that the header and the name of the row stay in view. */
export function renderTable(table: Table, { id, filters, isFiltered }: TablePlacement): string {
  checkTable(table);
  const label = table.caption === undefined ? 'aria-label="Table"' : `aria-labelledby="${id}-caption"`;
  return [
    `<div class="table" id="${id}" role="region" ${label} tabindex="0">`,
    isFiltered ? '<table data-filtered>' : '<table>',
    ...renderCaption(table, id, isFiltered),
    renderHead(table, filters),
    renderBody(table, filters),
    '</table>',
    '</div>',
  ].join('\n');
}

/** The caption, and behind it the place where the script writes how many rows can be seen. */
function renderCaption({ caption = '' }: Table, id: string, isFiltered: boolean): readonly string[] {
  if (caption === '' && !isFiltered) return [];
  const count = isFiltered ? ' <span class="count"></span>' : '';
  return [`<caption><span id="${id}-caption">${escapeHtml(caption)}</span>${count}</caption>`];
}

function renderHead(table: Table, filters: readonly Filter[]): string {
  const sides = alignments(table);
  const cells = table.columns.map(
    ({ label, tags }, index) =>
      `<th scope="col"${classAttribute(sideClass(sides[index]))}${tagAttributes(tags, filters)}>${escapeHtml(label)}</th>`,
  );
  return `<thead><tr>${cells.join('')}</tr></thead>`;
}

function renderBody(table: Table, filters: readonly Filter[]): string {
  if (table.rows.length === 0) {
    return `<tbody class="empty"><tr><td colspan="${table.columns.length}">${escapeHtml(emptyText(table))}</td></tr></tbody>`;
  }
  const sides = alignments(table);
  const rows = table.rows.map((row) => renderRow(row, table.rowHeader ?? 0, sides, filters));
  return ['<tbody>', ...rows, '</tbody>'].join('\n');
}

function renderRow(
  row: Row,
  rowHeader: number,
  sides: readonly ('left' | 'right')[],
  filters: readonly Filter[],
): string {
  const cells = row.cells.map((cell, index) => renderCell(cell, index === rowHeader, sides[index], filters));
  return `<tr${tagAttributes(row.tags, filters)}>${cells.join('')}</tr>`;
}

function renderCell(
  cell: Cell,
  isRowHeader: boolean,
  side: 'left' | 'right' | undefined,
  filters: readonly Filter[],
): string {
  const { tone, title } = styled(cell);
  const tags = typeof cell === 'object' ? tagAttributes(cell.tags, filters) : '';
  const attributes = `${classAttribute(sideClass(side), tone)}${titleAttribute(title)}${tags}`;
  const content = wordsHtml(cell);
  return isRowHeader ? `<th scope="row"${attributes}>${content}</th>` : `<td${attributes}>${content}</td>`;
}

function sideClass(side: 'left' | 'right' | undefined): string | undefined {
  return side === 'right' ? 'number' : undefined;
}
