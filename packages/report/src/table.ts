import type { Cell, Table } from './report.ts';
import { isBlank, isNumeric } from './text.ts';

/** What stands in place of a table without rows. */
export function emptyText(table: Table): string {
  return table.empty ?? 'none';
}

/** Alignment of every column: what the column says, else right where all its cells are numbers. */
export function alignments(table: Table): readonly ('left' | 'right')[] {
  return table.columns.map((column, index) => column.align ?? measuredAlignment(table, index));
}

function measuredAlignment(table: Table, index: number): 'left' | 'right' {
  const cells = table.rows
    .map((row) => row.cells[index])
    .filter((cell): cell is Cell => cell !== undefined && !isBlank(cell));
  return cells.length > 0 && cells.every(isNumeric) ? 'right' : 'left';
}

/**
 * Refuses a table that cannot be drawn: a row with more or fewer cells than columns, or a row header that is no column.
 *
 * @throws RangeError
 */
export function checkTable(table: Table): void {
  const { columns, rows, rowHeader = 0 } = table;
  if (columns.length === 0) throw new RangeError('table without columns');
  if (columns[rowHeader] === undefined) {
    throw new RangeError(`row header is column ${rowHeader}, table has ${columns.length} columns`);
  }
  for (const [index, { cells }] of rows.entries()) {
    if (cells.length !== columns.length) {
      throw new RangeError(`row ${index} has ${cells.length} cells, table has ${columns.length} columns`);
    }
  }
}
