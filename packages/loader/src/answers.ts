import type { Machine, Question } from '@kelp/core';

/**
 * Answers to what files do not decide. A question without an answer gets its first candidate and is remembered, so
 * that whoever has memory to look at can answer it for the next load.
 */
export class Answers {
  readonly #given: ReadonlyMap<string, string>;
  readonly #open: Question[] = [];

  /** @param given - answers by {@link questionKey}. */
  constructor(given: ReadonlyMap<string, string> = new Map()) {
    this.#given = given;
  }

  ask(question: Question): string {
    const given = this.#given.get(questionKey(question));
    if (given !== undefined) return given;
    this.#open.push(question);
    return question.candidates[0]?.answer ?? '';
  }

  /** Every asking of a question that has no answer, in order; the same question asks at many places. */
  get open(): readonly Question[] {
    return this.#open;
  }
}

/** What identifies a question: all places that ask it get one answer. */
export function questionKey({ kind, id }: Pick<Question, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/** A machine of which more is known: features that its description does not tell, by the answers to questions. */
export function withAnswers(machine: Machine, given: ReadonlyMap<string, string> = new Map()): Machine {
  return {
    pageSize: machine.pageSize,
    smp: machine.smp,
    value: (name) => machine.value(name),
    feature: (id) => machine.feature(id) ?? toBoolean(given.get(questionKey({ kind: 'feature', id }))),
  };
}

function toBoolean(answer: string | undefined): boolean | undefined {
  if (answer === 'on') return true;
  return answer === 'off' ? false : undefined;
}
