import { KelpError, type ByteOrder } from '@kelp/core';
import { hex, type MemorySource } from './memory-source.ts';

/** Numbers and strings in the memory of a kernel; what is absent is an error. */
export class KernelReader {
  readonly memory: MemorySource;
  readonly byteOrder: ByteOrder;
  /** The file that the memory comes from, for errors. */
  readonly file: string | undefined;
  readonly #little: boolean;

  constructor(memory: MemorySource, byteOrder: ByteOrder, file?: string) {
    this.memory = memory;
    this.byteOrder = byteOrder;
    this.file = file;
    this.#little = byteOrder === 'little';
  }

  /**
   * `length` bytes.
   *
   * @param what - what they are, for the error.
   * @throws KelpError `memory/absent` naming the first absent address and the reason.
   */
  bytes(address: bigint, length: number, what: string): Uint8Array {
    const bytes = this.memory.read(address, length);
    if (bytes !== undefined) return bytes;
    const gap = this.memory.pieces(address, length).find((piece) => 'absent' in piece);
    const reason = gap !== undefined && 'absent' in gap ? `${hex(gap.address)} is ${gap.absent}` : 'absent';
    throw new KelpError('memory/absent', `cannot read ${what} at ${hex(address)}: ${reason}`, {
      file: this.file,
    });
  }

  /** The same as a view for numbers. */
  view(address: bigint, length: number, what: string): KernelView {
    return new KernelView(this.bytes(address, length, what), this.byteOrder);
  }

  u32(address: bigint, what: string): number {
    return dataView(this.bytes(address, 4, what)).getUint32(0, this.#little);
  }

  u64(address: bigint, what: string): bigint {
    return dataView(this.bytes(address, 8, what)).getBigUint64(0, this.#little);
  }

  /** 64 bits, or undefined where they are absent. */
  tryU64(address: bigint): bigint | undefined {
    if (address > (1n << 64n) - 8n) return undefined;
    const bytes = this.memory.read(address, 8);
    return bytes === undefined ? undefined : dataView(bytes).getBigUint64(0, this.#little);
  }

  /** A view of bytes, or undefined where any is absent. */
  tryView(address: bigint, length: number): KernelView | undefined {
    if (address + BigInt(length) > 1n << 64n) return undefined;
    const bytes = this.memory.read(address, length);
    return bytes === undefined ? undefined : new KernelView(bytes, this.byteOrder);
  }

  /** A string that ends in NUL within `limit` bytes, or undefined where it is absent or does not end. */
  tryString(address: bigint, limit: number): string | undefined {
    const room = (1n << 64n) - address;
    let text = '';
    for (const piece of this.memory.pieces(address, room < limit ? Number(room) : limit)) {
      if ('absent' in piece) return undefined;
      const end = piece.bytes.indexOf(0);
      if (end >= 0) return text + latin1(piece.bytes.subarray(0, end));
      text += latin1(piece.bytes);
    }
    return undefined;
  }

  /**
   * A string that ends in NUL within `limit` bytes.
   *
   * @throws KelpError `memory/absent`.
   */
  string(address: bigint, limit: number, what: string): string {
    const text = this.tryString(address, limit);
    if (text !== undefined) return text;
    throw new KelpError('memory/absent', `cannot read ${what} at ${hex(address)}: no string there`, {
      file: this.file,
    });
  }
}

/** Numbers at offsets of some bytes. Offsets beyond the end are programming errors: RangeError. */
export class KernelView {
  readonly bytes: Uint8Array;
  readonly byteOrder: ByteOrder;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, byteOrder: ByteOrder) {
    this.bytes = bytes;
    this.byteOrder = byteOrder;
    this.#view = dataView(bytes);
    this.#little = byteOrder === 'little';
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, this.#little);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, this.#little);
  }

  s32(offset: number): number {
    return this.#view.getInt32(offset, this.#little);
  }

  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, this.#little);
  }

  s64(offset: number): bigint {
    return this.#view.getBigInt64(offset, this.#little);
  }

  /** Text up to the first NUL, at most `limit` bytes; bytes beyond ASCII as in Latin-1. */
  string(offset: number, limit: number): string {
    const field = this.bytes.subarray(offset, offset + limit);
    const end = field.indexOf(0);
    return latin1(end < 0 ? field : field.subarray(0, end));
  }
}

/** Bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
