import type { ByteOrder } from '@kelp/core';
import { GrowingBytes } from './bytes.ts';

export interface TestMember {
  readonly name: string;
  readonly type: number;
  /** In bytes. */
  readonly offset: number;
  /** Size of a bit field. */
  readonly bits?: number;
}

/** Writes BTF data by hand, as include/uapi/linux/btf.h describes it. Each type gets the next number, from 1. */
export class BtfBuilder {
  readonly #types: GrowingBytes;
  readonly #strings: GrowingBytes;
  readonly #offsets = new Map<string, number>([['', 0]]);
  #count = 0;

  constructor(byteOrder: ByteOrder) {
    this.#types = new GrowingBytes(byteOrder);
    this.#strings = new GrowingBytes(byteOrder);
    this.#strings.u8(0);
  }

  int(name: string, size: number): number {
    const number = this.#type(name, 1, 0, size);
    this.#types.u32(size * 8);
    return number;
  }

  pointer(target: number): number {
    return this.#type('', 2, 0, target);
  }

  array(element: number, length: number): number {
    const number = this.#type('', 3, 0, 0);
    this.#types.u32(element);
    this.#types.u32(element);
    this.#types.u32(length);
    return number;
  }

  /** A struct (4) or union (5). */
  struct(name: string, size: number, members: readonly TestMember[], kind = 4): number {
    const hasBitFields = members.some(({ bits }) => bits !== undefined);
    const number = this.#type(name, kind, members.length, size, hasBitFields);
    for (const { name: member, type, offset, bits = 0 } of members) {
      this.#types.u32(this.#string(member));
      this.#types.u32(type);
      this.#types.u32(((bits << 24) | (offset * 8)) >>> 0);
    }
    return number;
  }

  enum(name: string, values: Readonly<Record<string, number>>): number {
    const number = this.#type(name, 6, Object.keys(values).length, 4);
    for (const [key, value] of Object.entries(values)) {
      this.#types.u32(this.#string(key));
      this.#types.u32(value >>> 0);
    }
    return number;
  }

  /** A typedef (8), volatile (9), const (10), restrict (11) or type tag (18) of another type. */
  alias(kind: 8 | 9 | 10 | 11 | 18, target: number, name = ''): number {
    return this.#type(name, kind, 0, target);
  }

  /** A type of any kind with bytes of its own behind it. */
  other(kind: number, length: number, words: readonly number[]): number {
    const number = this.#type('', kind, length, 0);
    for (const word of words) this.#types.u32(word);
    return number;
  }

  /** @param layout - of the kinds by number, as kernels from 7.2 on write it. */
  build(layout?: readonly (readonly [fixed: number, element: number])[]): Uint8Array {
    const file = new GrowingBytes(this.#types.byteOrder);
    const headerSize = layout === undefined ? 24 : 32;
    const typesSize = this.#types.length;
    file.u16(0xeb9f);
    file.u8(1);
    file.u8(0);
    for (const word of [headerSize, 0, typesSize, typesSize, this.#strings.length]) file.u32(word);
    if (layout !== undefined) {
      file.u32(typesSize + Math.ceil(this.#strings.length / 4) * 4);
      file.u32(layout.length * 4);
    }
    file.put(this.#types.bytes);
    file.put(this.#strings.bytes);
    file.align(4);
    for (const [fixed, element] of layout ?? []) file.put(Uint8Array.of(fixed, element, 0, 0));
    return file.bytes;
  }

  #type(name: string, kind: number, length: number, sizeOrType: number, flag = false): number {
    this.#types.u32(this.#string(name));
    this.#types.u32(((flag ? 0x8000_0000 : 0) | (kind << 24) | length) >>> 0);
    this.#types.u32(sizeOrType);
    this.#count++;
    return this.#count;
  }

  #string(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#strings.text(text);
    this.#offsets.set(text, offset);
    return offset;
  }
}
