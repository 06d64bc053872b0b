/** One write, as read back from the log. */
export interface Write {
  /** Index of the area. */
  readonly area: number;
  /** Bytes from the start of the area. */
  readonly offset: number;
  readonly length: number;
  readonly cause: string;
}

/**
 * Everything that was written into a module's memory after its sections were copied, in order. Columns, append-only:
 * writes overlap, and what came last counts.
 */
export class WriteLog {
  #areas = new Uint8Array(1024);
  #offsets = new Uint32Array(1024);
  #lengths = new Uint32Array(1024);
  #causes = new Uint16Array(1024);
  #old = new Uint8Array(8192);
  #oldLength = 0;
  #count = 0;
  readonly #causeNames: string[] = [];
  readonly #causeIndex = new Map<string, number>();

  get count(): number {
    return this.#count;
  }

  /** Names of all causes, in the order in which they first wrote. */
  get causes(): readonly string[] {
    return this.#causeNames;
  }

  append(area: number, offset: number, old: Uint8Array, cause: string): void {
    if (this.#count === this.#areas.length) this.#grow();
    this.#areas[this.#count] = area;
    this.#offsets[this.#count] = offset;
    this.#lengths[this.#count] = old.length;
    this.#causes[this.#count] = this.#causeNumber(cause);
    this.#count++;
    this.#keep(old);
  }

  /** The writes in order, from the one with an index on. */
  *writes(from = 0): Generator<Write, void, undefined> {
    for (let index = from; index < this.#count; index++) {
      yield {
        area: this.#areas[index] ?? 0,
        offset: this.#offsets[index] ?? 0,
        length: this.#lengths[index] ?? 0,
        cause: this.#causeNames[this.#causes[index] ?? 0] ?? '',
      };
    }
  }

  /** The writes behind the first `count`, in order, with what stood there before. */
  *writesSince(count: number): Generator<Write & { readonly old: Uint8Array }, void, undefined> {
    let kept = this.#oldLength;
    for (let index = this.#count - 1; index >= count; index--) kept -= this.#lengths[index] ?? 0;
    for (const write of this.writes(count)) {
      yield { ...write, old: this.#old.slice(kept, kept + write.length) };
      kept += write.length;
    }
  }

  /**
   * For each byte of an area the number of its last cause plus 1; 0 for bytes that nothing wrote. Numbers are indices
   * into {@link causes}.
   */
  provenance(area: number, size: number): Uint16Array {
    const last = new Uint16Array(size);
    for (let index = 0; index < this.#count; index++) {
      if (this.#areas[index] !== area) continue;
      const offset = this.#offsets[index] ?? 0;
      last.fill((this.#causes[index] ?? 0) + 1, offset, offset + (this.#lengths[index] ?? 0));
    }
    return last;
  }

  /** Undo the writes back to the first `count`, newest first. */
  rewind(count: number, restore: (area: number, offset: number, old: Uint8Array) => void): void {
    while (this.#count > count) {
      const index = --this.#count;
      const length = this.#lengths[index] ?? 0;
      this.#oldLength -= length;
      restore(
        this.#areas[index] ?? 0,
        this.#offsets[index] ?? 0,
        this.#old.slice(this.#oldLength, this.#oldLength + length),
      );
    }
  }

  #causeNumber(cause: string): number {
    const known = this.#causeIndex.get(cause);
    if (known !== undefined) return known;
    this.#causeIndex.set(cause, this.#causeNames.length);
    return this.#causeNames.push(cause) - 1;
  }

  #keep(old: Uint8Array): void {
    if (this.#oldLength + old.length > this.#old.length) {
      const larger = new Uint8Array(Math.max(this.#old.length * 2, this.#oldLength + old.length));
      larger.set(this.#old.subarray(0, this.#oldLength));
      this.#old = larger;
    }
    this.#old.set(old, this.#oldLength);
    this.#oldLength += old.length;
  }

  #grow(): void {
    const size = this.#areas.length * 2;
    const areas = new Uint8Array(size);
    areas.set(this.#areas);
    const [offsets, lengths] = [new Uint32Array(size), new Uint32Array(size)];
    offsets.set(this.#offsets);
    lengths.set(this.#lengths);
    const causes = new Uint16Array(size);
    causes.set(this.#causes);
    [this.#areas, this.#offsets, this.#lengths, this.#causes] = [areas, offsets, lengths, causes];
  }
}
