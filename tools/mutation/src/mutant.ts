import type { ArchitectureDefinition, Kernel } from '@kelp/core';

/** What a mutant changes: a row that the loader applies or ignores, one that it refuses, a section, a finalization step. */
export type MutantGroup = 'accepted rows' | 'refused rows' | 'section fields' | 'patch steps';

/** An architecture with one mistake. */
export interface Mutant {
  readonly group: MutantGroup;
  /** `R_X86_64_32: max of the range is one more`. */
  readonly name: string;
  readonly definition: ArchitectureDefinition;
}

/** A list with one element replaced. */
export function replaced<Element>(
  list: readonly Element[],
  index: number,
  element: Element,
): readonly Element[] {
  return list.with(index, element);
}

/** A list without one element. */
export function without<Element>(list: readonly Element[], index: number): readonly Element[] {
  return list.toSpliced(index, 1);
}

/** A list with two neighbors in the other order. */
export function swapped<Element>(list: readonly Element[], index: number): readonly Element[] {
  const [first, second] = [list[index], list[index + 1]];
  return first === undefined || second === undefined ? list : list.with(index, second).with(index + 1, first);
}

/** A changed value and what was changed. */
export interface Change<Value> {
  readonly what: string;
  readonly value: Value;
}

/** Apply a change to what surrounds it. */
export function within<Part, Whole>(
  changes: readonly Change<Part>[],
  prefix: string,
  put: (part: Part) => Whole,
): readonly Change<Whole>[] {
  return changes.map(({ what, value }) => ({ what: `${prefix}${what}`, value: put(value) }));
}

/** Series of the kernels, each once, in order. */
export function seriesOf(kernels: readonly Kernel[]): readonly string[] {
  return [...new Set(kernels.map(({ release }) => release))];
}
