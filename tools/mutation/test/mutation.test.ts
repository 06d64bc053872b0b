import { beforeAll, describe, expect, test } from 'vitest';
import { conformanceFailures, openInput, type OpenedInput } from '../../../packages/testkit/src/index.ts';
import type { Architecture } from '@kelp/core';
import { conformanceInputs } from '../src/inputs.ts';
import { countGroup, figures, groups, survivors } from '../src/report.ts';
import { judge, mutantsOf, type Verdict } from '../src/run.ts';

/** Of the mutants of a group one in so many is taken: a fast sample of what `npm run mutation` does with all. */
const stride = 40;

interface Subject {
  readonly architecture: Architecture;
  readonly opened: OpenedInput;
  readonly verdicts: readonly Verdict[];
}

const subjects: Subject[] = [];

beforeAll(async () => {
  for (const { architecture, input } of await conformanceInputs()) {
    const opened = openInput(input);
    const mutants = [...mutantsOf(architecture, opened)];
    const sample = groups.flatMap((group) =>
      mutants.filter((mutant) => mutant.group === group).filter((_mutant, index) => index % stride === 7),
    );
    subjects.push({ architecture, opened, verdicts: sample.map((mutant) => judge(mutant, opened)) });
  }
}, 60_000);

describe('mutation run', () => {
  test('the original conforms, before and after its mutants were judged', () => {
    for (const { architecture, opened } of subjects)
      expect([...conformanceFailures(architecture, opened)]).toEqual([]);
  });

  test.each(groups)('at least 95 of 100 mutants of %s are caught', (group) => {
    const all = subjects.flatMap(({ verdicts }) => verdicts);
    const count = countGroup(all, group);
    expect(count.all).toBeGreaterThan(5);
    const missed = all.filter(({ mutant, caughtBy }) => mutant.group === group && caughtBy === undefined);
    const allowed = Math.floor(count.all * 0.05);
    expect(missed.slice(allowed).map(({ mutant }) => mutant.name)).toEqual([]);
  });
});

describe('report', () => {
  test('counts caught mutants by group and names those that survive', () => {
    const [subject] = subjects;
    const [verdict] = subject?.verdicts ?? [];
    if (subject === undefined || verdict === undefined) throw new Error('no mutant');
    const { definition } = verdict.mutant;
    const outcome = {
      architecture: 'toy',
      verdicts: [
        { mutant: { group: 'patch steps', name: 'seal* is missing', definition }, caughtBy: undefined },
        { mutant: { group: 'patch steps', name: 'seal before trap', definition }, caughtBy: 'orders' },
        { mutant: { group: 'patch steps', name: 'trap is missing', definition }, caughtBy: 'memory' },
      ],
    } as const;
    expect(figures([outcome]).split('\n')[2]).toBe('| toy | - | - | - | 2 of 3, 66.6 % |');
    expect(survivors([outcome])).toBe('### toy, patch steps\n\n- seal\\* is missing\n');
  });
});
