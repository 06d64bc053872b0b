import type { ReloadOutcome } from './reload-outcomes.ts';

/** What reading the kernel's sources lets expect of a second application, by architecture. The first row that fits counts. */
interface Expectation {
  readonly architecture: string;
  /** Type numbers; absent: all others. */
  readonly types?: readonly number[];
  readonly where: RegExp;
  /** Absent: all others. */
  readonly series?: readonly string[];
  readonly outcome: string;
}

const section = /^\.(?:text|rodata|data)$/u;
const readOnly = /^\.(?:text|rodata)$/u;
const [overwritten, cleared, stale, stub, dies] = [
  'overwritten, works',
  'cleared, works',
  'slot keeps the old address',
  'works, one more stub',
  'first: dies',
] as const;

/** GOT and PLT families of s390x, but for the two that branch directly where they can. */
const slots = [6, 7, 8, 15, 24, 25, 26, 29, 30, 31, 32, 33, 34, 35, 36, 58, 59];

const expectations: readonly Expectation[] = [
  { architecture: 'x86', where: section, series: ['6.1'], outcome: 'ENOEXEC' },
  { architecture: 'x86', where: section, outcome: cleared },
  { architecture: 'ppc64le', types: [10], where: section, series: ['6.1'], outcome: 'ENOEXEC' },
  { architecture: 'ppc64le', types: [10], where: /^(?!.*out of reach)/u, outcome: stub },
  { architecture: 'ppc64le', where: readOnly, outcome: dies },
  { architecture: 'ppc64le', where: section, outcome: overwritten },
  { architecture: 's390x', types: slots, where: section, outcome: stale },
  { architecture: 's390x', where: section, outcome: overwritten },
  { architecture: 'arm64', where: section, outcome: overwritten },
  { architecture: 'arm64', types: [282, 283], where: /out of reach/u, outcome: dies },
];

/** Outcomes that are not what reading the sources lets expect. Types that write nothing are not looked at. */
export function unexpected(
  architecture: string,
  series: string,
  outcomes: readonly ReloadOutcome[],
): readonly string[] {
  return outcomes.flatMap(({ type, where, outcome }) => {
    const expected = expectations.find(
      (one) =>
        one.architecture === architecture &&
        one.where.test(where) &&
        (one.types?.includes(type) ?? true) &&
        (one.series?.includes(series) ?? true),
    );
    if (expected === undefined || outcome === 'nothing to write' || outcome === expected.outcome) return [];
    return [`${architecture} ${series}: type ${type} at ${where}: ${outcome}, expected ${expected.outcome}`];
  });
}
