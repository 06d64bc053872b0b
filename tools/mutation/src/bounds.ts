import { appliesTo, parseSeries, type Applicability, type KernelVersion } from '@kelp/core';
import { replaced, within, type Change } from './mutant.ts';

type Applies = readonly Applicability[] | undefined;

/**
 * Version bounds that are wrong for one of the checked kernels, and conditions on options turned round. Bounds that are
 * wrong only for kernels between two of those are no mutants: there is nothing to tell them by.
 */
export function wrongBounds(applies: Applies, series: readonly string[]): readonly Change<Applies>[] {
  return (applies ?? []).flatMap((condition, index) =>
    within(wrongCondition(condition, series), '', (value): Applies =>
      replaced(applies ?? [], index, value),
    ).filter(({ value }) => differs(applies, value, series, condition)),
  );
}

function wrongCondition(
  condition: Applicability,
  series: readonly string[],
): readonly Change<Applicability>[] {
  const { since, before, config } = condition;
  return [
    ...moves(since, series).map((value) => ({
      what: `since ${since} is ${value}`,
      value: { ...condition, since: value },
    })),
    ...moves(before, series).map((value) => ({
      what: `before ${before} is ${value}`,
      value: { ...condition, before: value },
    })),
    ...Object.entries(config ?? {}).map(([option, on]) => ({
      what: `${option} is turned round`,
      value: { ...condition, config: { ...config, [option]: !on } },
    })),
  ];
}

/** The bound moved over one checked kernel, down and up. */
function moves(bound: KernelVersion | undefined, series: readonly string[]): readonly KernelVersion[] {
  if (bound === undefined) return [];
  const isBefore = (one: string): boolean => appliesTo([{ before: bound }], parseSeries(one));
  const last = series.findLast(isBefore);
  const first = series.find((one) => !isBefore(one));
  const next =
    first === undefined ? undefined : `${parseSeries(first).major}.${parseSeries(first).minor + 1}`;
  return [last, next].flatMap((one) => (isVersion(one) ? [one] : []));
}

function isVersion(text: string | undefined): text is KernelVersion {
  return text !== undefined && /^\d+\.\d+$/u.test(text);
}

/** Some checked kernel, with some option of the condition, is on another side than before. */
function differs(
  before: Applies,
  after: Applies,
  series: readonly string[],
  { config }: Applicability,
): boolean {
  const options = [
    new Map<string, string>(),
    new Map(Object.keys(config ?? {}).map((option) => [option, 'y'])),
  ];
  return series.some((one) =>
    options.some((configuration) => {
      const kernel = parseSeries(one, configuration);
      return appliesTo(before, kernel) !== appliesTo(after, kernel);
    }),
  );
}
