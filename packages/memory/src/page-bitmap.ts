/** Set bits before each chunk of this many bytes are counted once. */
const chunkSize = 64;

/** A bitmap of page frames, bit 0 of byte 0 first, that counts the set bits before any place. */
export class PageBitmap {
  /** How many page frames it covers. */
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #before: Uint32Array;

  /** @param length - page frames; at most 8 for each byte. */
  constructor(bytes: Uint8Array, length: number) {
    this.#bytes = bytes;
    this.length = length;
    this.#before = new Uint32Array(Math.ceil(bytes.length / chunkSize));
    let count = 0;
    for (const [offset, byte] of bytes.entries()) {
      if (offset % chunkSize === 0) this.#before[offset / chunkSize] = count;
      count += setBits(byte);
    }
  }

  /** Whether a page frame's bit is set. */
  has(frame: number): boolean {
    return frame < this.length && ((this.#bytes[Math.floor(frame / 8)] ?? 0) & (1 << (frame & 7))) !== 0;
  }

  /** How many bits are set before a page frame. */
  rank(frame: number): number {
    const last = Math.floor(frame / 8);
    const chunk = Math.floor(last / chunkSize);
    let count = this.#before[chunk] ?? 0;
    for (let offset = chunk * chunkSize; offset < last; offset++) count += setBits(this.#bytes[offset] ?? 0);
    return count + setBits((this.#bytes[last] ?? 0) & ((1 << (frame & 7)) - 1));
  }

  /** Runs of set bits, in order. */
  runs(): { first: number; count: number }[] {
    const found: { first: number; count: number }[] = [];
    let first = -1;
    for (let frame = 0; frame <= this.length; frame++) {
      // Whole bytes of one kind continue what is there.
      const byte = this.#bytes[Math.floor(frame / 8)] ?? 0;
      if ((frame & 7) === 0 && frame + 8 <= this.length && byte === (first < 0 ? 0 : 0xff)) {
        frame += 7;
        continue;
      }
      const set = this.has(frame);
      if (set && first < 0) first = frame;
      if (set || first < 0) continue;
      found.push({ first, count: frame - first });
      first = -1;
    }
    return found;
  }
}

function setBits(byte: number): number {
  let bits = byte - ((byte >> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >> 2) & 0x33);
  return (bits + (bits >> 4)) & 0x0f;
}
