import { kernelSeries, parseKernel } from '@kelp/core';
import type { LateModulesList, ListedCode } from '../late-modules-list.ts';
import type { LateCode, LineRange } from './late-code.ts';

/** Found code beside a list that a person made. */
export interface ListComparison {
  /** The series that the list was read for, or undefined where it says nothing about the tree's. */
  readonly series: string | undefined;
  readonly listed: number;
  /** Listed and not found. */
  readonly misses: readonly ListedCode[];
  /** Found and not listed. */
  readonly extras: readonly LateCode[];
  readonly listedLines: number;
  readonly foundLines: number;
  /** Lines that are listed and found; means something only for the tree that the list was made of. */
  readonly commonLines: number;
}

/**
 * Compare found code with a list. A branch counts as found where a branch or call of the same function is.
 *
 * @param folders - folders below `arch/` that were read; the list's other rows of architectures do not count.
 */
export function compareWithList(
  code: readonly LateCode[],
  list: LateModulesList,
  version: string,
  folders: readonly string[],
): ListComparison {
  const series = kernelSeries(parseKernel(version));
  const rows = list.rows.filter(({ file, lines }) => {
    const read = !file.startsWith('arch/') || folders.some((folder) => file.startsWith(`arch/${folder}/`));
    return read && lines[series] !== undefined;
  });
  const misses = rows.filter((row) => !code.some((one) => matches(row, one)));
  const extras = rows.length === 0 ? [] : code.filter((one) => !rows.some((row) => matches(row, one)));
  const listed = new Set(rows.flatMap((row) => linesIn(row.file, rangesOf(row.lines[series] ?? ''))));
  const found = new Set(code.flatMap(({ file, lines }) => linesIn(file, lines)));
  return {
    series: rows.length === 0 ? undefined : series,
    listed: rows.length,
    misses,
    extras,
    listedLines: listed.size,
    foundLines: found.size,
    commonLines: [...listed].filter((line) => found.has(line)).length,
  };
}

function matches(row: ListedCode, one: LateCode): boolean {
  if (row.file !== one.file || row.in !== one.in) return false;
  if (row.kind === 'branch') {
    return one.kind === 'call' || (one.kind === 'branch' && (row.in !== undefined || row.name === one.name));
  }
  return row.kind === one.kind && row.name === one.name;
}

function rangesOf(text: string): readonly LineRange[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return { first, last };
    });
}

function linesIn(file: string, ranges: readonly LineRange[]): readonly string[] {
  return ranges.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, at) => `${file}:${first + at}`),
  );
}
