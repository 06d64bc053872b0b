import type { Verdict } from './run.ts';
import type { MutantGroup } from './mutant.ts';

/** Verdicts of one architecture. */
export interface Outcome {
  readonly architecture: string;
  readonly verdicts: readonly Verdict[];
}

export const groups: readonly MutantGroup[] = [
  'accepted rows',
  'refused rows',
  'section fields',
  'patch steps',
];

/** Mutants of a group, and how many of them the suite caught. */
export function countGroup(
  verdicts: readonly Verdict[],
  group: MutantGroup,
): { readonly all: number; readonly caught: number } {
  const own = verdicts.filter(({ mutant }) => mutant.group === group);
  return { all: own.length, caught: own.filter(({ caughtBy }) => caughtBy !== undefined).length };
}

/** The share that was caught, rounded down: 95.0 means at least that. */
export function percent({ all, caught }: { readonly all: number; readonly caught: number }): string {
  return all === 0 ? '-' : `${(Math.floor((caught / all) * 1000) / 10).toFixed(1)} %`;
}

/** The table of figures in Markdown. */
export function figures(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    ({ architecture, verdicts }) =>
      `| ${[architecture, ...groups.map((group) => cell(countGroup(verdicts, group)))].join(' | ')} |`,
  );
  const all = outcomes.flatMap(({ verdicts }) => verdicts);
  const sum = `| ${['all', ...groups.map((group) => cell(countGroup(all, group)))].join(' | ')} |`;
  return [`| | ${groups.join(' | ')} |`, `|---|${groups.map(() => '---:|').join('')}`, ...rows, sum].join(
    '\n',
  );
}

function cell(count: { readonly all: number; readonly caught: number }): string {
  return count.all === 0 ? '-' : `${count.caught} of ${count.all}, ${percent(count)}`;
}

/** Every mutant that nothing caught, by architecture and group. */
export function survivors(outcomes: readonly Outcome[]): string {
  return outcomes
    .flatMap(({ architecture, verdicts }) =>
      groups.map((group) => {
        const names = verdicts.flatMap(({ mutant, caughtBy }) =>
          mutant.group === group && caughtBy === undefined ? [`- ${mutant.name.replaceAll('*', '\\*')}`] : [],
        );
        return names.length === 0 ? '' : `### ${architecture}, ${group}\n\n${names.join('\n')}\n`;
      }),
    )
    .filter((text) => text !== '')
    .join('\n');
}

/** How many mutants each check was the first to catch. */
export function catches(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { caughtBy } of outcomes.flatMap(({ verdicts }) => verdicts))
    if (caughtBy !== undefined) counts.set(caughtBy, (counts.get(caughtBy) ?? 0) + 1);
  const rows = [...counts].toSorted((a, b) => b[1] - a[1]).map(([check, count]) => `| ${check} | ${count} |`);
  return ['| caught by | mutants |', '|---|---:|', ...rows].join('\n');
}
