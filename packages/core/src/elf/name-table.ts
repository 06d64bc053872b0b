const encoder = new TextEncoder();

/** A string table under construction. Names that were there keep their offsets; a name is added once. */
export class NameTable {
  readonly #parts: Uint8Array[];
  readonly #known = new Map<string, number>();
  #length: number;

  /** @param bytes - what the table holds already; absent: the empty name, at 0. */
  constructor(bytes: Uint8Array = Uint8Array.of(0)) {
    const start = bytes.length === 0 ? Uint8Array.of(0) : bytes;
    this.#parts = [start];
    this.#length = start.length;
    if (start[0] === 0) this.#known.set('', 0);
  }

  /** Offset of a name. */
  add(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const bytes = encoder.encode(`${name}\0`);
    const offset = this.#length;
    this.#parts.push(bytes);
    this.#length += bytes.length;
    this.#known.set(name, offset);
    return offset;
  }

  bytes(): Uint8Array {
    const result = new Uint8Array(this.#length);
    let offset = 0;
    for (const part of this.#parts) {
      result.set(part, offset);
      offset += part.length;
    }
    return result;
  }
}
