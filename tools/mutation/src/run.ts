import { defineArchitecture, isKelpError, type Architecture } from '@kelp/core';
import {
  conformanceChecks,
  type CheckSubject,
  type OpenedInput,
} from '../../../packages/testkit/src/index.ts';
import { seriesOf, type Mutant, type MutantGroup } from './mutant.ts';
import { relocationMutants } from './relocation-mutants.ts';
import { sectionMutants } from './section-mutants.ts';
import { stepMutants } from './step-mutants.ts';

/** What became of one mutant. */
export interface Verdict {
  readonly mutant: Mutant;
  /** The check that fails first; undefined: the mutant survives. `definition` is defineArchitecture() itself. */
  readonly caughtBy: string | undefined;
}

const subjects: Readonly<Record<MutantGroup, CheckSubject>> = {
  'accepted rows': 'relocations',
  'refused rows': 'relocations',
  'section fields': 'sections',
  'patch steps': 'steps',
};

/** All mutants of an architecture. */
export function* mutantsOf(architecture: Architecture, { kernels }: OpenedInput): Generator<Mutant> {
  const series = seriesOf(kernels);
  yield* relocationMutants(architecture, series);
  yield* sectionMutants(architecture, series);
  yield* stepMutants(architecture, series);
}

/** Let the conformance suite look at a mutant: checks of what it changes, and those of memory. */
export function judge(mutant: Mutant, input: OpenedInput): Verdict {
  const subject = subjects[mutant.group];
  let architecture: Architecture;
  try {
    architecture = defineArchitecture(mutant.definition);
  } catch (error) {
    if (!isKelpError(error)) throw error;
    return { mutant, caughtBy: 'definition' };
  }
  for (const { about, run } of conformanceChecks) {
    if (!about.includes(subject)) continue;
    try {
      for (const { check } of run(architecture, input)) return { mutant, caughtBy: check };
    } catch (error) {
      // A test of the suite fails of it, too.
      return { mutant, caughtBy: isKelpError(error) ? error.code : 'exception' };
    }
  }
  return { mutant, caughtBy: undefined };
}
