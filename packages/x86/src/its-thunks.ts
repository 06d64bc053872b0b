import type { ModuleImage } from '@kelp/core';

// its_allocate_thunk(), arch/x86/kernel/alternative.c. Every indirect branch in the lower half of a cache line gets a
// thunk of its own, in the upper half of a line of pages that belong to the module.

const pageSize = 0x1000;
const cacheLine = 64;
/** Where the first thunk of a page stands. */
const firstThunk = 32;

/** Where a thunk stands: the page by number, in the order in which the module got them. */
export interface ItsThunk {
  readonly page: number;
  readonly offset: number;
  readonly register: number;
}

/** Hands out the places of thunks of one module. */
export class ItsThunks {
  #page = -1;
  #offset = 0;

  allocate(register: number): ItsThunk {
    const size = thunkCode(register).length;
    if (this.#page === -1 || this.#offset + size - 1 >= pageSize) {
      this.#page++;
      this.#offset = firstThunk;
    }
    // The last byte has to lie in the upper half.
    if ((this.#offset + size - 1) % cacheLine < cacheLine / 2)
      this.#offset = ((this.#offset - 1) | (cacheLine - 1)) + 33;
    const offset = this.#offset;
    this.#offset += size;
    return { page: this.#page, offset, register };
  }
}

/** its_init_thunk(): jmp *%reg; int3. */
export function thunkCode(register: number): Uint8Array {
  const jump = [0xff, 0xe0 + (register & 7), 0xcc];
  return Uint8Array.from(register < 8 ? jump : [0x41, ...jump]);
}

/**
 * Address of a thunk; undefined where the page is not known.
 *
 * @param site - the branch that goes there.
 * @param target - reads from the bytes at the site where they branch to.
 */
export function itsThunkAddress(
  image: ModuleImage,
  thunk: ItsThunk,
  site: { readonly address: bigint; readonly bytes: Uint8Array },
  target: (bytes: Uint8Array) => bigint | undefined,
): bigint | undefined {
  const answer = image.ask({
    kind: 'kernel-chosen',
    // Pages belong to one module.
    id: `its_page ${thunk.page} of 0x${image.textAddress.toString(16)}`,
    address: site.address,
    candidates: [{ answer: unknown, bytes: site.bytes }],
    derive(bytes, read) {
      const found = target(bytes);
      const page = found === undefined ? undefined : found - BigInt(thunk.offset);
      if (found === undefined || page === undefined || page % BigInt(pageSize) !== 0n) return undefined;
      const code = thunkCode(thunk.register);
      const there = read(found, code.length);
      const legal = there === undefined || there.every((byte, index) => byte === code[index]);
      return legal ? `0x${page.toString(16)}` : undefined;
    },
  });
  return answer === unknown ? undefined : BigInt(answer) + BigInt(thunk.offset);
}

const unknown = 'as in the file';
