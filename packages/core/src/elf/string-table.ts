import { KelpError } from '../errors.ts';
import type { Container } from './container.ts';
import type { Section } from './section.ts';

/**
 * Longest name in bytes. The kernel takes symbols of 512 (KSYM_NAME_LEN). Without a limit every symbol of a hostile
 * file could name the rest of a table of megabytes.
 */
const longestName = 4096;

/** NUL-terminated names. */
export class StringTable {
  readonly #bytes: Uint8Array;
  readonly #container: Container;
  readonly #place: { readonly file: string | undefined; readonly section: string };

  /**
   * @param section - printed in errors as `[index]`, because its own name may not be readable yet.
   * @throws KelpError `elf/unterminated-names` if the last byte is not NUL, so that a name could run out of the table.
   */
  constructor(container: Container, section: Section, file: string | undefined) {
    this.#container = container;
    this.#bytes = section.bytes;
    this.#place = { file, section: `[${section.index}]` };
    if (this.#bytes.length > 0 && this.#bytes.at(-1) !== 0) {
      const offset = this.#bytes.length;
      throw new KelpError('elf/unterminated-names', 'the string table does not end in NUL', {
        ...this.#place,
        offset,
      });
    }
  }

  /**
   * The name that starts at a byte offset.
   *
   * @throws KelpError `elf/name-offset` outside the table, `elf/name-length` for a name of more than 4,096 bytes.
   */
  at(offset: number): string {
    if (offset === 0 && this.#bytes.length === 0) return '';
    if (offset >= this.#bytes.length) {
      const message = `name offset 0x${offset.toString(16)} lies outside the string table of 0x${this.#bytes.length.toString(16)} bytes`;
      throw new KelpError('elf/name-offset', message, { ...this.#place, offset });
    }
    if (this.#bytes.subarray(offset, offset + longestName + 1).indexOf(0) === -1) {
      throw new KelpError('elf/name-length', `a name is longer than ${longestName} bytes`, {
        ...this.#place,
        offset,
      });
    }
    return this.#container.nameAt(this.#bytes, offset);
  }
}
