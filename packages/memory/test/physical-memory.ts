import type { ByteOrder } from '@kelp/core';
import { memorySource, type MemorySource } from '../src/memory-source.ts';

/** Physical memory of a machine that exists only in a test: one range, page after page given out. */
export class PhysicalMemory {
  readonly start: bigint;
  readonly bytes: Uint8Array;
  #used = 0;

  constructor(start: bigint, size: number) {
    this.start = start;
    this.bytes = new Uint8Array(size);
  }

  /** The physical address of a range that nobody has yet. */
  allocate(size: number, alignment = 4096): bigint {
    const misaligned = Number((this.start + BigInt(this.#used)) % BigInt(alignment));
    const place = this.#used + (misaligned === 0 ? 0 : alignment - misaligned);
    if (place + size > this.bytes.length) throw new Error(`no room for ${size} bytes`);
    this.#used = place + size;
    return this.start + BigInt(place);
  }

  put(address: bigint, bytes: Uint8Array): void {
    this.bytes.set(bytes, Number(address - this.start));
  }

  u64(address: bigint, byteOrder: ByteOrder): bigint {
    return this.#view(address).getBigUint64(0, byteOrder === 'little');
  }

  putU64(address: bigint, value: bigint, byteOrder: ByteOrder): void {
    this.#view(address).setBigUint64(0, value, byteOrder === 'little');
  }

  /** What a dump of it would give. */
  get source(): MemorySource {
    return memorySource((address, length) => {
      const end = this.start + BigInt(this.bytes.length);
      if (address < this.start || address >= end) return { length, absent: 'not-mapped' };
      const offset = Number(address - this.start);
      return this.bytes.subarray(offset, Math.min(offset + length, this.bytes.length));
    });
  }

  #view(address: bigint): DataView {
    return new DataView(this.bytes.buffer, Number(address - this.start), 8);
  }
}
