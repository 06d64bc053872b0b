import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fileError, KelpError } from '@kelp/core';
import { decompress, detectCompression } from './compression.ts';

/** Larger files are refused: the largest kernel image with debug information is well below. */
const largestFile = 2 ** 31 - 1;

/**
 * Reads files one after the other into one buffer that grows to the largest of them, so that a scan of thousands of
 * modules neither allocates nor faults in new memory for each.
 */
export class FileReader {
  // No Buffer: its slice() does not copy.
  #buffer = new Uint8Array(1 << 20);

  /**
   * The bytes of a file, uncompressed if it is xz, gzip or zstd by its first bytes. The result may be a view of the
   * reader's buffer: it is valid until the next call.
   *
   * @throws KelpError `file/not-found`, `file/permission`, `file/not-a-file`, `file/too-large`, `file/unreadable`,
   *   `file/damaged-compression`.
   */
  async read(path: string): Promise<Uint8Array> {
    const bytes = this.#readPlain(path);
    const format = detectCompression(bytes);
    return format === undefined ? bytes : decompress(format, bytes, path);
  }

  #readPlain(path: string): Uint8Array {
    let descriptor: number | undefined;
    try {
      // Without O_NONBLOCK a pipe that nobody writes to would be waited for.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const status = fstatSync(descriptor);
      if (!status.isFile()) throw new KelpError('file/not-a-file', 'not a regular file', { file: path });
      if (status.size > largestFile)
        throw new KelpError('file/too-large', `the file has ${status.size} bytes`, { file: path });
      if (status.size > this.#buffer.length) this.#buffer = new Uint8Array(status.size);
      let length = 0;
      while (length < status.size) {
        const count = readSync(descriptor, this.#buffer, length, status.size - length, null);
        if (count === 0) break;
        length += count;
      }
      return this.#buffer.subarray(0, length);
    } catch (error) {
      throw fileError(error, path);
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }
}
