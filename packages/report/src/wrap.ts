import { characterWidth } from './display-width.ts';

/** Part of a text: from `start` up to, not including, `end`, in UTF-16 units. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Breaks a line of visible text into lines of at most `width` columns of a terminal, or of one character if that is wider: at spaces, which are dropped there,
 * and inside a word only where it is longer than a whole line.
 */
export function wrapLine(text: string, width: number): readonly TextRange[] {
  const ranges: TextRange[] = [];
  let start = 0;
  do {
    const end = lineEnd(text, start, width);
    ranges.push({ start, end: start + text.slice(start, end).trimEnd().length });
    start = end;
    while (text[start] === ' ') start += 1;
  } while (start < text.length);
  return ranges;
}

function lineEnd(text: string, start: number, width: number): number {
  const limit = farthestEnd(text, start, width);
  if (limit === text.length || text[limit] === ' ') return limit;
  const space = text.lastIndexOf(' ', limit);
  return space > start ? space : limit;
}

function farthestEnd(text: string, start: number, width: number): number {
  let end = start;
  let used = 0;
  while (end < text.length) {
    const character = String.fromCodePoint(text.codePointAt(end) ?? 0);
    used += characterWidth(character);
    if (used > width && end > start) break;
    end += character.length;
  }
  return end;
}
