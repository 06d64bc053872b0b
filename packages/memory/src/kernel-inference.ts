import type { LoadInput } from '@kelp/loader';
import { loadWithMemory, type InferredLoad, type Inference } from './inference.ts';
import type { LateTargets } from './late-objects.ts';
import { KernelVotes, type ReadMemory, type Tally, type Votes } from './votes.ts';

/** Answers that change may change what is asked; that ends soon. */
const mostRounds = 4;

/** A module of a kernel as it is predicted; another load takes its place while answers change. */
export interface Prediction {
  readonly input: LoadInput;
  readonly targets: LateTargets | undefined;
  readonly load: InferredLoad;
}

/**
 * Predicts the modules of one kernel with one answer for each question, whichever module asks: what most places of all
 * modules together say. A module alone may have only a place that was tampered with, or none that says anything.
 */
export class KernelInference {
  readonly #read: ReadMemory;
  /** Answers in use, by key of the question. */
  readonly #answers = new Map<string, string>();
  readonly #votes = new KernelVotes();
  readonly #predictions: (Omit<Prediction, 'load'> & { load: InferredLoad })[] = [];

  /** Keys of questions whose answers are in a result. */
  readonly #taken = new Set<string>();

  constructor(read: ReadMemory) {
    this.#read = read;
  }

  /**
   * Load a module. What others say may change the prediction until {@link settle}.
   *
   * @param targets - for a livepatch module: what it is applied to late.
   */
  predict(input: LoadInput, targets?: LateTargets): Prediction {
    const load = withoutQuestions(loadWithMemory(input, this.#read, this.#answers, targets));
    this.#votes.add(load.votes);
    const prediction = { input, targets, load };
    this.#predictions.push(prediction);
    return prediction;
  }

  /** Load again what was loaded with other answers than all modules give. */
  settle(): void {
    for (let round = 1; round <= mostRounds; round++) {
      for (const key of this.#votes.keys) {
        const verdict = this.#votes.verdict(key);
        if (verdict !== undefined) this.#answers.set(key, verdict.answer);
      }
      const stale = this.#predictions.filter(({ load }) => this.#isStale(load));
      if (stale.length === 0) return;
      for (const prediction of stale) {
        const { input, targets, load } = prediction;
        this.#votes.remove(load.votes);
        prediction.load = withoutQuestions(loadWithMemory(input, this.#read, this.#answers, targets));
        prediction.load.votes.keep(this.#layoutTallies(load.votes));
        this.#votes.add(prediction.load.votes);
      }
    }
  }

  /** What memory told to the questions of a prediction that no prediction before has taken. */
  takeInferences({ load }: Prediction): readonly Inference[] {
    return [...load.votes.tallies].flatMap(([key, { kind, id }]) => {
      const verdict = this.#taken.has(key) ? undefined : this.#votes.verdict(key);
      this.#taken.add(key);
      return verdict === undefined ? [] : [{ kind, id, ...verdict }];
    });
  }

  /** A module that is laid out by the answer of others does not ask again, but what it said counts. */
  #layoutTallies({ tallies }: Votes): readonly Tally[] {
    return [...tallies].flatMap(([key, tally]) =>
      tally.decidesLayout ? [{ ...tally, used: this.#answers.get(key) ?? tally.used }] : [],
    );
  }

  #isStale({ votes: { tallies } }: InferredLoad): boolean {
    return [...tallies].some(([key, { used }]) => (this.#answers.get(key) ?? used) !== used);
  }
}

/** Nobody needs the questions any more, and there is one for each function that may be traced. */
function withoutQuestions(load: InferredLoad): InferredLoad {
  return { ...load, loaded: { ...load.loaded, open: [] } };
}
