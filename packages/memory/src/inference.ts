import type { Question } from '@kelp/core';
import { loadModule, questionKey, type LoadedModule, type LoadInput, type Witness } from '@kelp/loader';
import { loadWithLateObjects, type LateTargets } from './late-objects.ts';
import { verdictOf, Votes, type ReadMemory, type Tally, type Verdict } from './votes.ts';

export type { ReadMemory } from './votes.ts';

/** A question and the answer that memory gave. */
export interface Inference extends Verdict {
  readonly kind: Question['kind'];
  readonly id: string;
}

/** A load whose open questions were answered from memory, one answer for each, at all of its places. */
export interface InferredLoad {
  readonly loaded: LoadedModule;
  /** Answers that this module gave. */
  readonly inferences: readonly Inference[];
  /** What all places of the load say, those of questions that were answered before too. */
  readonly votes: Votes;
}

/** Answers make new questions visible, such as those of code that an alternative brought in; few rounds do. */
const mostRounds = 6;

/**
 * Load a module, and answer what neither the file nor the machine description decides by looking at memory: one choice
 * for each feature, static key or static call, however many places ask. Only what is asked is looked at.
 *
 * @param shared - answers that other modules gave; new ones are added.
 * @param targets - for a livepatch module: what it is applied to late.
 */
export function loadWithMemory(
  input: LoadInput,
  read: ReadMemory,
  shared: Map<string, string>,
  targets?: LateTargets,
): InferredLoad {
  const inferences: Inference[] = [];
  const layout = new Map<string, Tally>();
  for (let round = 1; ; round++) {
    const votes = new Votes();
    const laidOut = [...layout].map(([key, { used }]) => [key, used] as const);
    const answered = { ...input, answers: new Map([...laidOut, ...shared, ...(input.answers ?? [])]) };
    const witness: Witness = (question, asking) => votes.count(question, asking, read);
    const load = (asking: boolean): LoadedModule => loadModule(asking ? { ...answered, witness } : answered);
    const loaded = targets === undefined ? load(true) : loadWithLateObjects(load, targets, read);
    const open = round > mostRounds ? [] : [...votes.tallies.values()].filter(({ given }) => !given);
    const undecided = open.filter(({ decidesLayout }) => decidesLayout);
    // Where sections stand comes first: all other places are elsewhere until that is known.
    const found = (undecided.length > 0 ? undecided : open).flatMap(infer);
    for (const inference of found) shared.set(questionKey(inference), inference.answer);
    inferences.push(...found);
    for (const tally of undecided) {
      const key = questionKey(tally);
      layout.set(key, { ...tally, used: shared.get(key) ?? tally.used });
    }
    if (found.length > 0 || undecided.length > 0) continue;
    votes.keep(layout.values());
    return { loaded, inferences, votes };
  }
}

function infer({ kind, id, counts }: Tally): readonly Inference[] {
  const verdict = verdictOf(counts);
  return verdict === undefined ? [] : [{ kind, id, ...verdict }];
}
