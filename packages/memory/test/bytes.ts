import type { ByteOrder } from '@kelp/core';

/** Bytes that grow as something is written behind their end, zero where nothing was written. */
export class GrowingBytes {
  readonly byteOrder: ByteOrder;
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  constructor(byteOrder: ByteOrder) {
    this.byteOrder = byteOrder;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Write bytes at an offset, at the end where none is given; returns the offset. */
  put(bytes: Uint8Array, offset = this.#length): number {
    this.#reach(offset + bytes.length);
    this.#bytes.set(bytes, offset);
    return offset;
  }

  u8(value: number, offset = this.#length): number {
    return this.put(Uint8Array.of(value), offset);
  }

  u16(value: number, offset = this.#length): number {
    this.#view(offset, 2).setUint16(0, value, this.byteOrder === 'little');
    return offset;
  }

  u32(value: number, offset = this.#length): number {
    this.#view(offset, 4).setUint32(0, value, this.byteOrder === 'little');
    return offset;
  }

  u64(value: bigint, offset = this.#length): number {
    this.#view(offset, 8).setBigUint64(0, value, this.byteOrder === 'little');
    return offset;
  }

  /** Text and a NUL. */
  text(text: string, offset = this.#length): number {
    return this.put(Buffer.from(`${text}\0`, 'latin1'), offset);
  }

  /** Go on at a multiple of `alignment`. */
  align(alignment: number): number {
    this.#reach(Math.ceil(this.#length / alignment) * alignment);
    return this.#length;
  }

  /** At least `length` bytes in all. */
  reserve(length: number): void {
    this.#reach(length);
  }

  #view(offset: number, size: number): DataView {
    this.#reach(offset + size);
    return new DataView(this.#bytes.buffer, offset, size);
  }

  #reach(length: number): void {
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#length = Math.max(this.#length, length);
  }
}
