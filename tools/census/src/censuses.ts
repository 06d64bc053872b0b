import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCensus, CensusBuilder, type Census, type KernelCounts } from '@kelp/census';

/** The counts of one kernel, with the architecture that it is of. */
export interface CountedKernel {
  readonly architecture: string;
  readonly kernel: KernelCounts;
}

/** All censuses of a folder in one. */
export function readCensuses(folder: string): Census {
  const builder = new CensusBuilder();
  for (const name of readdirSync(folder).toSorted())
    if (name.endsWith('.json')) builder.addCensus(readCensus(join(folder, name)));
  return builder.census();
}

/** The kernels of a census, older ones of an architecture first. */
export function kernelsOf(census: Census): readonly CountedKernel[] {
  return Object.entries(census.architectures).flatMap(([architecture, { kernels }]) =>
    kernels.map((kernel) => ({ architecture, kernel })),
  );
}

/** A Markdown table; cells are texts that need no escaping. */
export function markdownRows(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const ruler = head.map((_label, index) =>
    rows.every((row) => typeof row[index] === 'number') ? '---:' : '---',
  );
  return [line(head), line(ruler), ...rows.map((row) => line(row.map((cell) => shown(cell))))].join('\n');
}

function shown(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : cell;
}
