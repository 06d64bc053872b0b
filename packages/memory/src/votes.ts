import type { Question } from '@kelp/core';
import { questionKey, type Asking } from '@kelp/loader';

/** Reads memory. */
export type ReadMemory = (address: bigint, length: number) => Uint8Array | undefined;

/** How many places speak for an answer: with all of their bytes, or with all but one. */
interface Count {
  readonly exact: number;
  readonly near: number;
}

/** A question, and what all places that ask it say. */
export interface Tally extends Pick<Question, 'kind' | 'id'> {
  readonly decidesLayout: boolean;
  /** The answer that the load went on with. */
  readonly used: string;
  /** That answer was given to the load. */
  readonly given: boolean;
  readonly counts: ReadonlyMap<string, Count>;
}

/** The answer that most places speak for. */
export interface Verdict {
  readonly answer: string;
  /** Places whose bytes speak for the answer. */
  readonly agreeing: number;
  /** Places whose bytes speak for another one. */
  readonly disagreeing: number;
}

/**
 * What the places of a module say to the questions of its load. Places in memory that was freed after init are not
 * heard: something else may be there by now.
 */
export class Votes {
  readonly #tallies = new Map<string, Tally & { readonly counts: Map<string, Count> }>();

  /** Let one place of a question vote. It may say nothing. */
  count(question: Question, { answer: used, given, init }: Asking, read: ReadMemory): void {
    const key = questionKey(question);
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      const { kind, id, decidesLayout = false } = question;
      tally = { kind, id, decidesLayout, used, given, counts: new Map() };
      this.#tallies.set(key, tally);
    }
    if (init) return;
    const vote = voteOf(question, read);
    if (vote !== undefined) addCount(tally.counts, vote.answer, vote);
  }

  /** Count what was asked before the layout was known, and is not asked again since. */
  keep(tallies: Iterable<Tally>): void {
    for (const tally of tallies) {
      const key = questionKey(tally);
      if (!this.#tallies.has(key)) this.#tallies.set(key, { ...tally, counts: new Map(tally.counts) });
    }
  }

  /** By key of the question: what was asked, whether any place said something or not. */
  get tallies(): ReadonlyMap<string, Tally> {
    return this.#tallies;
  }
}

/** The votes of all modules of a kernel: places of one question agree wherever they are. */
export class KernelVotes {
  readonly #tallies = new Map<string, Map<string, Count>>();

  /** Count the votes of a module. */
  add(votes: Votes): void {
    this.#change(votes, 1);
  }

  /** Take back the votes of a module, which is loaded again. */
  remove(votes: Votes): void {
    this.#change(votes, -1);
  }

  /** Keys of all questions that were ever asked. */
  get keys(): Iterable<string> {
    return this.#tallies.keys();
  }

  /** What all modules together say; undefined where none says anything. */
  verdict(key: string): Verdict | undefined {
    return verdictOf(this.#tallies.get(key) ?? new Map<string, Count>());
  }

  #change({ tallies }: Votes, sign: 1 | -1): void {
    for (const [key, { counts }] of tallies) {
      const all = this.#tallies.get(key) ?? new Map<string, Count>();
      this.#tallies.set(key, all);
      for (const [answer, { exact, near }] of counts)
        addCount(all, answer, { exact: sign * exact, near: sign * near });
    }
  }
}

/** A byte that differs counts only where no place has all bytes of any answer. */
export function verdictOf(counts: ReadonlyMap<string, Count>): Verdict | undefined {
  const exact = [...counts.values()].some((count) => count.exact > 0);
  const votes = [...counts].map(([answer, count]) => [answer, exact ? count.exact : count.near] as const);
  const [winner] = votes.toSorted((a, b) => b[1] - a[1]);
  if (winner === undefined || winner[1] === 0) return undefined;
  const [answer, agreeing] = winner;
  return { answer, agreeing, disagreeing: votes.reduce((sum, [, count]) => sum + count, 0) - agreeing };
}

function addCount(counts: Map<string, Count>, answer: string, { exact, near }: Count): void {
  const before = counts.get(answer) ?? { exact: 0, near: 0 };
  counts.set(answer, { exact: before.exact + exact, near: before.near + near });
}

/** What one place says: the answer whose bytes stand there, or the only one whose bytes differ in one byte. */
function voteOf(
  { address, candidates, derive }: Question,
  read: ReadMemory,
): (Count & { readonly answer: string }) | undefined {
  const length = Math.max(...candidates.map(({ bytes }) => bytes.length));
  const memory = read(address, length);
  if (memory === undefined) return undefined;
  if (derive !== undefined) {
    const answer = derive(memory, read);
    return answer === undefined ? undefined : { answer, exact: 1, near: 0 };
  }
  const like = (mayDiffer: number): string | undefined => {
    const found = candidates.filter(({ bytes }) => differences(bytes, memory) <= mayDiffer);
    return found.length === 1 ? found[0]?.answer : undefined;
  };
  const exact = like(0);
  if (exact !== undefined) return { answer: exact, exact: 1, near: 0 };
  const near = length > 1 ? like(1) : undefined;
  return near === undefined ? undefined : { answer: near, exact: 0, near: 1 };
}

function differences(bytes: Uint8Array, memory: Uint8Array): number {
  return bytes.reduce((sum, byte, index) => sum + Number(byte !== memory[index]), 0);
}
