import type { ConditionalToken } from '../c/preprocess.ts';
import type { Stage } from './entry-points.ts';

/** Lines of a file, both included. */
export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** A piece of code that exists only for late modules, and why that is so. */
export interface LateCode {
  readonly stage: Stage;
  readonly kind: 'function' | 'declaration' | 'call' | 'branch' | 'parameter' | 'field' | 'structure';
  readonly name: string;
  readonly file: string;
  /** The function that holds a call, branch or parameter. */
  readonly in?: string;
  readonly lines: readonly LineRange[];
  readonly reason: string;
}

/** Code that might be expected to go and does not. */
export interface StayingCode {
  readonly stage: Stage;
  readonly name: string;
  readonly reason: string;
}

/** The lines on which tokens stand, as ranges. */
export function linesOf(tokens: readonly ConditionalToken[]): readonly LineRange[] {
  const first = Math.min(...tokens.map(({ line }) => line));
  const last = Math.max(...tokens.map(({ endLine }) => endLine));
  return tokens.length === 0 ? [] : [{ first, last }];
}

/** Different lines in ranges. */
export function countLines(ranges: readonly LineRange[]): number {
  const lines = new Set<number>();
  for (const { first, last } of ranges) for (let line = first; line <= last; line++) lines.add(line);
  return lines.size;
}
