import { KelpError } from './errors.ts';

/**
 * Values of the psABI letters of one relocation.
 *
 * Every architecture has S (value of the symbol), A (addend) and P (address of the place). The others are named by the
 * architecture's linkage: G, L, O, TOC and so on. All are 64-bit.
 */
export type Letters = Readonly<Record<string, bigint | undefined>> & {
  readonly S: bigint;
  readonly A: bigint;
  readonly P: bigint;
};

/** A formula in psABI letters, ready to be computed. */
export interface Formula {
  /** As written in the table, for example `S + A - P`. */
  readonly text: string;
  /** The letters it uses, in order of appearance. */
  readonly letters: readonly string[];
  /**
   * Compute the value modulo 2^64, as a signed number.
   *
   * @throws KelpError `relocation/missing-letter` if a letter has no value.
   */
  evaluate(letters: Letters): bigint;
}

type Node = (letters: Letters) => bigint;

/** Functions of the ABI documents: 4 KiB page of an address, low half word, high half word adjusted for a signed low half. */
const functions: ReadonlyMap<string, (value: bigint) => bigint> = new Map([
  ['Page', (value: bigint) => value & ~0xfffn],
  ['lo', (value: bigint) => value & 0xffffn],
  ['ha', (value: bigint) => ((value + 0x8000n) >> 16n) & 0xffffn],
]);

/**
 * Compile a formula: letters, numbers, parentheses, `+ - >> &` with the precedence of C, and the functions Page, lo, ha.
 *
 * @throws KelpError `relocation/formula` if the text is not a formula.
 */
export function compileFormula(text: string): Formula {
  const reader = new FormulaReader(text);
  const node = reader.whole();
  return {
    text,
    letters: [...reader.letters],
    evaluate: (letters) => BigInt.asIntN(64, node(letters)),
  };
}

/** Recursive descent over the tokens of one formula. */
class FormulaReader {
  readonly letters = new Set<string>();
  readonly #text: string;
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = text.match(/[A-Za-z]+|0x[0-9a-f]+|\d+|>>|[^\s]/gu) ?? [];
  }

  whole(): Node {
    const node = this.#and();
    if (this.#next < this.#tokens.length) throw this.#wrong();
    return node;
  }

  #and(): Node {
    let left = this.#shift();
    while (this.#take('&')) {
      const [a, b] = [left, this.#shift()];
      left = (letters) => a(letters) & b(letters);
    }
    return left;
  }

  #shift(): Node {
    let left = this.#sum();
    while (this.#take('>>')) {
      const [a, b] = [left, this.#sum()];
      left = (letters) => BigInt.asIntN(64, a(letters)) >> b(letters);
    }
    return left;
  }

  #sum(): Node {
    let left = this.#term();
    for (;;) {
      const a = left;
      if (this.#take('+')) {
        const b = this.#term();
        left = (letters) => a(letters) + b(letters);
      } else if (this.#take('-')) {
        const b = this.#term();
        left = (letters) => a(letters) - b(letters);
      } else {
        return left;
      }
    }
  }

  #term(): Node {
    const token = this.#tokens[this.#next];
    if (token === undefined || !/^[(\dA-Za-z]/u.test(token)) throw this.#wrong();
    this.#next++;
    if (token === '(') return this.#closed();
    if (/^\d/u.test(token)) {
      const value = BigInt(token);
      return () => value;
    }
    return this.#take('(') ? this.#call(token) : this.#letter(token);
  }

  #closed(): Node {
    const node = this.#and();
    if (!this.#take(')')) throw this.#wrong();
    return node;
  }

  #call(name: string): Node {
    const operation = functions.get(name);
    if (operation === undefined) throw this.#wrong(name);
    const argument = this.#closed();
    return (letters) => operation(argument(letters));
  }

  #letter(name: string): Node {
    this.letters.add(name);
    return (letters) => {
      const value = letters[name];
      if (value === undefined) {
        throw new KelpError('relocation/missing-letter', `formula ${this.#text} needs a value for ${name}`);
      }
      return value;
    };
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#next] !== token) return false;
    this.#next++;
    return true;
  }

  #wrong(token = this.#tokens[this.#next]): KelpError {
    const where = token === undefined ? 'its end' : JSON.stringify(token);
    return new KelpError('relocation/formula', `formula ${JSON.stringify(this.#text)} is wrong at ${where}`);
  }
}
