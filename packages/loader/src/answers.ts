import type { Machine, Question } from '@kelp/core';

/** How a question was answered, and where it asks. */
export interface Asking {
  /** The answer that the load goes on with. */
  readonly answer: string;
  /** The answer was given; otherwise it is a likely one or the first candidate. */
  readonly given: boolean;
  /** The place whose bytes tell the answer lies in memory that is freed after init. */
  readonly init: boolean;
}

/** Told of every question that a load asks: whoever has memory can look at what its place says. */
export type Witness = (question: Question, asking: Asking) => void;

/**
 * Answers to what files do not decide. A question without an answer gets the one that is likely, or its first
 * candidate, and is remembered, so that whoever has memory to look at can answer it for the next load.
 */
export class Answers {
  readonly #given: ReadonlyMap<string, string>;
  readonly #likely: ReadonlyMap<string, string>;
  readonly #witness: Witness | undefined;
  readonly #open: Question[] = [];

  /**
   * @param given - answers by {@link questionKey}.
   * @param likely - answers that nobody vouches for, by the same keys.
   * @param witness - is told of every asking, with or without an answer.
   */
  constructor(
    given: ReadonlyMap<string, string> = new Map(),
    likely: ReadonlyMap<string, string> = new Map(),
    witness?: Witness,
  ) {
    this.#given = given;
    this.#likely = likely;
    this.#witness = witness;
  }

  /** @param init - the place that the question asks lies in memory that is freed after init. */
  ask(question: Question, init: boolean): string {
    const key = questionKey(question);
    const known = this.#given.get(key);
    const answer = known ?? this.#likely.get(key) ?? question.candidates[0]?.answer ?? '';
    if (known === undefined) this.#open.push(question);
    this.#witness?.(question, { answer, given: known !== undefined, init });
    return answer;
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
