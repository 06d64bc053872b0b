/** Finds which of many address ranges holds an address. Ranges may overlap. */
export class RangeIndex {
  readonly #starts: BigUint64Array;
  readonly #ends: BigUint64Array;
  /** The largest end up to here: tells how far back a range can reach. */
  readonly #reach: BigUint64Array;
  /** Numbers of the ranges as the caller counts them, ordered by start. */
  readonly #order: Uint32Array;

  /** Ranges by number: start included, end excluded, both below 2^64. Empty ranges are never found. */
  constructor(starts: BigUint64Array, ends: BigUint64Array) {
    this.#order = Uint32Array.from(starts.keys()).toSorted(
      (a, b) => order(starts[a] ?? 0n, starts[b] ?? 0n) || a - b,
    );
    this.#starts = BigUint64Array.from(this.#order, (number) => starts[number] ?? 0n);
    this.#ends = BigUint64Array.from(this.#order, (number) => ends[number] ?? 0n);
    let reach = 0n;
    this.#reach = this.#ends.map((end) => (reach = end > reach ? end : reach));
  }

  /** The number of a range that holds the address: among several the one that starts last. Undefined if none does. */
  find(address: bigint): number | undefined {
    for (let rank = this.#rankBehind(address) - 1; rank >= 0 && (this.#reach[rank] ?? 0n) > address; rank--) {
      if ((this.#ends[rank] ?? 0n) > address) return this.#order[rank];
    }
    return undefined;
  }

  /** The largest number of a range that holds the address: what was written last. Undefined if none does. */
  findLatest(address: bigint): number | undefined {
    let latest: number | undefined;
    for (let rank = this.#rankBehind(address) - 1; rank >= 0 && (this.#reach[rank] ?? 0n) > address; rank--) {
      const number = this.#order[rank] ?? 0;
      if ((this.#ends[rank] ?? 0n) > address && number >= (latest ?? 0)) latest = number;
    }
    return latest;
  }

  /** The smallest start behind an address, or undefined. */
  nextStart(address: bigint): bigint | undefined {
    return this.#starts[this.#rankBehind(address)];
  }

  #rankBehind(address: bigint): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function order(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
