import type { ArchitectureCensus } from '../../kernels/src/census-json.ts';
import { number, parseNumbers } from './measure.ts';

/** What both programs must have seen, as proof that they did the same work. */
export interface Totals {
  readonly files: number;
  /** Sum of all section sizes. */
  readonly bytes: number;
  /** Relocations whose target section is in memory. */
  readonly relocations: number;
  /** The same by type number. */
  readonly types: ReadonlyMap<number, number>;
}

/** Reads the output of walk.c. */
export function walkTotals(text: string): Totals {
  const values = parseNumbers(text);
  const types = [...values].flatMap(([name, count]) => {
    const type = /^type ([0-9]+)$/.exec(name)?.[1];
    return type === undefined ? [] : [[Number(type), count] as const];
  });
  return {
    files: number(values, 'files'),
    bytes: number(values, 'bytes'),
    relocations: number(values, 'counted'),
    types: new Map(types),
  };
}

/** The same from a scan. */
export function censusTotals(census: ReadonlyMap<string, ArchitectureCensus>): Totals {
  const parts = [...census.values()];
  const types = new Map<number, number>();
  for (const { type, count } of parts.flatMap(({ relocations }) => relocations)) {
    types.set(type, (types.get(type) ?? 0) + count);
  }
  return {
    files: sum(parts.map(({ modules }) => modules)),
    bytes: sum(parts.flatMap(({ sections }) => sections.map(({ bytes }) => bytes))),
    relocations: sum([...types.values()]),
    types,
  };
}

/** What differs, in words; empty where both agree. */
export function disagreements(walk: Totals, scan: Totals): readonly string[] {
  const named = (totals: Totals): ReadonlyMap<string, number> =>
    new Map([
      ['files', totals.files],
      ['bytes in sections', totals.bytes],
      ['relocations', totals.relocations],
      ...[...totals.types].map(([type, count]) => [`relocations of type ${type}`, count] as const),
    ]);
  const [left, right] = [named(walk), named(scan)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((name) => left.get(name) !== right.get(name))
    .map((name) => `${name}: C program ${left.get(name) ?? 0}, scan ${right.get(name) ?? 0}`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}
