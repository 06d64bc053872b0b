import { KelpError } from '../errors.ts';
import type { ByteOrder } from '../field.ts';

/** Numbers of a file in its byte order. Offsets in bytes from the start of the file. */
export class FileView {
  readonly bytes: Uint8Array;
  readonly byteOrder: ByteOrder;
  readonly file: string | undefined;
  readonly #data: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, byteOrder: ByteOrder, file: string | undefined) {
    // A Buffer's slice() shares its memory: what is taken out of a file to be changed would change the file.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.byteOrder = byteOrder;
    this.file = file;
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = byteOrder === 'little';
  }

  u16(offset: number): number {
    return this.#data.getUint16(offset, this.#little);
  }

  u32(offset: number): number {
    return this.#data.getUint32(offset, this.#little);
  }

  u64(offset: number): bigint {
    return this.#data.getBigUint64(offset, this.#little);
  }

  s64(offset: number): bigint {
    return this.#data.getBigInt64(offset, this.#little);
  }

  /**
   * A 64-bit offset or size as a number.
   *
   * @throws KelpError `elf/too-large` from 2^53 on.
   */
  size(offset: number): number {
    const high = this.u32(this.#little ? offset + 4 : offset);
    const low = this.u32(this.#little ? offset : offset + 4);
    if (high >= 0x20_0000) {
      const value = `0x${this.u64(offset).toString(16)}`;
      throw new KelpError('elf/too-large', `size or offset ${value} is larger than any file`, {
        file: this.file,
        offset,
      });
    }
    return high * 0x1_0000_0000 + low;
  }
}
