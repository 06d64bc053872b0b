import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { KelpError } from '@kelp/core';
import { fileFault } from './file-fault.ts';

const blockBits = 16n;
const blockSize = 1 << Number(blockBits);

/** Blocks kept: 64 MiB. */
const keptBlocks = 1024;

/** Bytes by position, however many there are. */
export interface RandomAccess {
  /** As the caller named it. */
  readonly path: string;
  /** In bytes. */
  readonly size: bigint;
  /** Up to `length` bytes from `position`: fewer only at the end. They may be a view of a cache. */
  read(position: bigint, length: number): Uint8Array;
  close(): void;
}

/**
 * A file of any size, read by position. Dumps have many gigabytes: only the blocks asked for are read, and the latest
 * are kept.
 */
export class RandomAccessFile implements RandomAccess {
  /** As the caller named it. */
  readonly path: string;
  /** In bytes. What the file system says: for /proc/kcore, the size of the address space. */
  readonly size: bigint;
  readonly #descriptor: number;
  readonly #cached: boolean;
  // In the order of their last use, which a Map keeps when an entry is taken out and put back.
  readonly #blocks = new Map<bigint, Uint8Array>();
  #latest: { readonly number: bigint; readonly bytes: Uint8Array } | undefined;

  /**
   * Open a file.
   *
   * @param options - `cached: false` for a file whose content changes, such as /proc/kcore: exactly the bytes asked for
   *   are read, each time.
   * @throws KelpError `memory/not-found`, `memory/permission`, `memory/not-a-file`, `memory/unreadable`.
   */
  constructor(path: string, options: { readonly cached?: boolean } = {}) {
    this.path = path;
    this.#cached = options.cached ?? true;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      throw fileFault(error, path);
    }
    const status = fstatSync(this.#descriptor, { bigint: true });
    if (!status.isFile()) {
      closeSync(this.#descriptor);
      throw new KelpError('memory/not-a-file', 'not a regular file', { file: path });
    }
    this.size = status.size;
  }

  /**
   * Up to `length` bytes from `position`: fewer only at the end of the file. They may be a view of the cache.
   *
   * @throws KelpError `memory/unreadable`, or what {@link fileFault} says; its cause is the system's error.
   */
  read(position: bigint, length: number): Uint8Array {
    if (!this.#cached) return this.#readDirectly(position, length);
    if (position >= this.size) return new Uint8Array(0);
    if (length > blockSize)
      return this.#readDirectly(position, Number(min(this.size - position, BigInt(length))));
    const offset = Number(position & BigInt(blockSize - 1));
    const block = this.#block(position >> blockBits);
    if (offset + length <= block.length || block.length < blockSize)
      return block.subarray(offset, offset + length);
    const head = block.subarray(offset);
    const rest = this.#block((position >> blockBits) + 1n).subarray(0, length - head.length);
    const bytes = new Uint8Array(head.length + rest.length);
    bytes.set(head);
    bytes.set(rest, head.length);
    return bytes;
  }

  /** Close the file; nothing can be read any more. */
  close(): void {
    closeSync(this.#descriptor);
  }

  #block(number: bigint): Uint8Array {
    if (this.#latest?.number === number) return this.#latest.bytes;
    let bytes = this.#blocks.get(number);
    if (bytes === undefined) bytes = this.#readDirectly(number << blockBits, blockSize);
    else this.#blocks.delete(number);
    this.#blocks.set(number, bytes);
    if (this.#blocks.size > keptBlocks) {
      const [oldest] = this.#blocks.keys();
      if (oldest !== undefined) this.#blocks.delete(oldest);
    }
    this.#latest = { number, bytes };
    return bytes;
  }

  #readDirectly(position: bigint, length: number): Uint8Array {
    // Beyond this the system takes a position for a negative one.
    if (position + BigInt(length) >= 1n << 63n) return new Uint8Array(0);
    const bytes = new Uint8Array(length);
    let done = 0;
    try {
      while (done < length) {
        const count = readSync(this.#descriptor, bytes, done, length - done, position + BigInt(done));
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw fileFault(error, this.path);
    }
    return done === length ? bytes : bytes.subarray(0, done);
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
