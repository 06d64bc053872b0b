import { displayWidth } from './display-width.ts';
import type { Tone } from './report.ts';
import type { Span } from './text.ts';
import { wrapLine } from './wrap.ts';

/** Text in columns, before it is laid out. All spans are escaped. */
export interface Columns {
  readonly rows: readonly (readonly (readonly Span[])[])[];
  readonly alignments: readonly ('left' | 'right')[];
}

/** The room that columns have, and how tones become visible. */
export interface Room {
  /** Columns of the terminal that a line may take; without it lines are as long as they come. */
  readonly width: number | undefined;
  readonly paint: (text: string, tone: Tone | undefined) => string;
}

/** A line of a cell with its tones, and the columns that it takes without them. */
interface PaintedText {
  readonly painted: string;
  readonly width: number;
}

const NOTHING: PaintedText = { painted: '', width: 0 };

const GAP = '  ';

/** Text is broken into lines as narrow as this, not narrower: below it names become strips of fragments. */
const NARROWEST = 24;

/** Without a width, what is wider than this sticks out of its column instead of pushing away what stands beside it in every row. */
const WIDEST = 120;

/** Lines of aligned columns. Where the room asks for it, text in the widest columns set left is broken into several lines. */
export function layOutColumns(columns: Columns, room: Room): readonly string[] {
  const { rows, alignments } = columns;
  const widths = columnWidths(columns, room.width);
  return rows.flatMap((row) => {
    const cells = widths.map((width, index) => cellLines(row[index] ?? [], width, room));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, at) =>
      joinCells(
        cells.map((lines) => lines[at] ?? NOTHING),
        widths,
        alignments,
      ),
    );
  });
}

function joinCells(
  cells: readonly PaintedText[],
  widths: readonly number[],
  alignments: Columns['alignments'],
): string {
  const padded = cells.map(({ painted, width }, index) => {
    const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width));
    return alignments[index] === 'right' ? padding + painted : painted + padding;
  });
  return padded.join(GAP).trimEnd();
}

/**
 * Like {@link layOutColumns}, but columns that do not fit beside each other follow below in further parts, separated by an empty line.
 * The column `key` begins every part.
 */
export function layOutInParts(columns: Columns, key: number, room: Room): readonly string[] {
  return partsThatFit(columns, key, room.width).flatMap((part, index) => {
    const lines = layOutColumns(selectColumns(columns, part), room);
    return index === 0 ? lines : ['', ...lines];
  });
}

function partsThatFit(
  columns: Columns,
  key: number,
  width: number | undefined,
): readonly (readonly number[])[] {
  const widths = columnWidths(columns, width);
  const all = widths.map((_, index) => index);
  const isWhole = width === undefined || lineWidth(widths) <= width || all.length === 1;
  if (isWhole) return [all];
  const parts: number[][] = [];
  for (const index of all.filter((each) => each !== key)) {
    const longer = [...(parts.at(-1) ?? []), index];
    const fits = lineWidth([key, ...longer].map((each) => widths[each] ?? 0)) <= width;
    if (parts.length > 0 && fits) parts[parts.length - 1] = longer;
    else parts.push([index]);
  }
  return parts.map((part) => [key, ...part].toSorted((a, b) => a - b));
}

function selectColumns({ rows, alignments }: Columns, indexes: readonly number[]): Columns {
  return {
    rows: rows.map((row) => indexes.map((index) => row[index] ?? [])),
    alignments: indexes.map((index) => alignments[index] ?? 'left'),
  };
}

/** Width of each column: as wide as its text, or less for columns set left, where not everything fits otherwise. */
function columnWidths(columns: Columns, width: number | undefined): readonly number[] {
  if (width === undefined) return widestCells(columns, WIDEST);
  const natural = widestCells(columns, Infinity);
  const limited = (limit: number): readonly number[] =>
    natural.map((own, index) => (columns.alignments[index] === 'left' ? Math.min(own, limit) : own));
  let limit = Math.max(NARROWEST, ...natural);
  while (limit > NARROWEST && lineWidth(limited(limit)) > width) limit -= 1;
  return limited(limit);
}

/** Width of the widest cell of each column, of those not wider than `most`. */
function widestCells({ rows, alignments }: Columns, most: number): readonly number[] {
  return alignments.map((_, index) =>
    rows.reduce((widest, row) => {
      const width = displayWidth(plainText(row[index] ?? []));
      return width <= most ? Math.max(widest, width) : widest;
    }, 1),
  );
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((total, each) => total + each, GAP.length * (widths.length - 1));
}

function plainText(spans: readonly Span[]): string {
  return spans.map((span) => span.text).join('');
}

function cellLines(spans: readonly Span[], width: number, room: Room): readonly PaintedText[] {
  const text = plainText(spans).trimEnd();
  const ranges = room.width === undefined ? [{ start: 0, end: text.length }] : wrapLine(text, width);
  return ranges.map(({ start, end }) => ({
    painted: paintRange(spans, start, end, room.paint),
    width: displayWidth(text.slice(start, end)),
  }));
}

function paintRange(spans: readonly Span[], start: number, end: number, paint: Room['paint']): string {
  let position = 0;
  let line = '';
  for (const { text, tone } of spans) {
    const part = text.slice(Math.max(0, start - position), Math.max(0, end - position));
    if (part !== '') line += paint(part, tone);
    position += text.length;
  }
  return line;
}
