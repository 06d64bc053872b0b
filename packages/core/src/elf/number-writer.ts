import type { ByteOrder } from '../field.ts';

/** Puts numbers into bytes, in the byte order of a file. */
export class NumberWriter {
  readonly #data: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, order: ByteOrder) {
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = order === 'little';
  }

  number(offset: number, size: 1 | 2 | 4, value: number): void {
    if (size === 4) this.#data.setUint32(offset, value, this.#little);
    else if (size === 2) this.#data.setUint16(offset, value, this.#little);
    else this.#data.setUint8(offset, value);
  }

  /** Negative numbers as two's complement. */
  wide(offset: number, value: bigint | number): void {
    this.#data.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), this.#little);
  }
}
