/** How often something occurs. */
export interface Uses {
  readonly count: number;
  /** Livepatches in which it occurs. */
  readonly livepatches: number;
}

interface Entry<Item> {
  readonly item: Item;
  count: number;
  livepatches: number;
  last: number;
}

/** Counts equal things over many livepatches. Names from files may be part of a key. */
export class Tally<Item extends object> {
  readonly #entries = new Map<string, Entry<Item>>();

  /**
   * @param livepatch - number of the livepatch that it occurs in; livepatches come one after the other.
   * @param key - parts that tell things apart.
   */
  add(livepatch: number, key: readonly (number | string)[], item: Item, count = 1): void {
    // A name from a file holds no NUL.
    const text = key.join('\0');
    const entry = this.#entries.get(text) ?? { item, count: 0, livepatches: 0, last: 0 };
    this.#entries.set(text, entry);
    entry.count += count;
    if (entry.last !== livepatch) entry.livepatches++;
    entry.last = livepatch;
  }

  /** What occurs in most livepatches first. The same livepatches in another order give the same rows. */
  rows(): readonly (Item & Uses)[] {
    return [...this.#entries]
      .toSorted(
        ([keyA, a], [keyB, b]) =>
          b.livepatches - a.livepatches || b.count - a.count || (keyA < keyB ? -1 : Number(keyA > keyB)),
      )
      .map(([, { item, count, livepatches }]) => ({ ...item, count, livepatches }));
  }
}
