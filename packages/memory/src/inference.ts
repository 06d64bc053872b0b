import type { Question } from '@kelp/core';
import { loadModule, questionKey, type LoadedModule, type LoadInput } from '@kelp/loader';

/** Reads memory. */
export type ReadMemory = (address: bigint, length: number) => Uint8Array | undefined;

/** A question and the answer that memory gave. */
export interface Inference {
  readonly kind: Question['kind'];
  readonly id: string;
  readonly answer: string;
  /** Places whose bytes speak for the answer. */
  readonly agreeing: number;
  /** Places whose bytes speak for another one. */
  readonly disagreeing: number;
}

/** A load whose open questions were answered from memory, one answer for each, at all of its places. */
export interface InferredLoad {
  readonly loaded: LoadedModule;
  readonly inferences: readonly Inference[];
}

/** Answers make new questions visible, such as those of code that an alternative brought in; few rounds do. */
const mostRounds = 6;

/**
 * Load a module, and answer what neither the file nor the machine description decides by looking at memory: one choice
 * for each feature, static key or static call, however many places ask. Only what is asked is looked at.
 *
 * @param shared - answers that other modules gave; new ones are added.
 */
export function loadWithMemory(
  input: LoadInput,
  read: ReadMemory,
  shared: Map<string, string>,
): InferredLoad {
  const inferences: Inference[] = [];
  for (let round = 1; ; round++) {
    const loaded = loadModule({ ...input, answers: new Map([...shared, ...(input.answers ?? [])]) });
    const found = round > mostRounds ? [] : answerQuestions(loaded.open, read);
    for (const { kind, id, answer } of found) shared.set(questionKey({ kind, id }), answer);
    inferences.push(...found);
    if (found.length === 0) return { loaded, inferences };
  }
}

function answerQuestions(questions: readonly Question[], read: ReadMemory): readonly Inference[] {
  const groups = new Map<string, Question[]>();
  for (const question of questions) {
    const group = groups.get(questionKey(question));
    if (group === undefined) groups.set(questionKey(question), [question]);
    else group.push(question);
  }
  const all = [...groups.values()];
  const answer = (some: readonly Question[][]): readonly Inference[] =>
    some.flatMap((group) => answerGroup(group, read) ?? []);
  const layout = answer(all.filter(([question]) => question?.decidesLayout === true));
  return layout.length > 0 ? layout : answer(all);
}

/** Every place votes; places that say nothing, or that something else has written over, do not. */
function answerGroup(questions: readonly Question[], read: ReadMemory): Inference | undefined {
  const votes = new Map<string, number>();
  for (const question of questions) {
    const answer = answerOf(question, read);
    if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  }
  const [first] = questions;
  const [winner] = [...votes].toSorted((a, b) => b[1] - a[1]);
  if (first === undefined || winner === undefined) return undefined;
  const [answer, agreeing] = winner;
  const all = [...votes.values()].reduce((sum, count) => sum + count, 0);
  return { kind: first.kind, id: first.id, answer, agreeing, disagreeing: all - agreeing };
}

function answerOf({ address, candidates, derive }: Question, read: ReadMemory): string | undefined {
  const length = Math.max(...candidates.map(({ bytes }) => bytes.length));
  const memory = read(address, length);
  if (memory === undefined) return undefined;
  if (derive !== undefined) return derive(memory, read);
  const matching = candidates.filter(({ bytes }) => bytes.every((byte, index) => byte === memory[index]));
  return matching.length === 1 ? matching[0]?.answer : undefined;
}
