import type { ByteOrder } from '@kelp/core';
import { btfKind, btfKindOf, btfLengthOf, btfTypeSize, takeApartBtf, type BtfParts } from './btf-format.ts';
import type { KernelView } from './kernel-reader.ts';

/** A member of a struct or union. */
export interface TypeMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  /** Bytes from the start of the type; bit fields are left out. */
  readonly offset: number;
  /** Number of its type. */
  readonly type: number;
}

/** A struct or union. */
export interface StructType {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  readonly members: readonly TypeMember[];
}

/** Kinds that stand for another type. */
const transparent: ReadonlySet<number> = new Set([
  btfKind.typedef,
  btfKind.volatile,
  btfKind.const,
  btfKind.restrict,
  btfKind.typeTag,
]);

/** Longest name that is read. */
const longestName = 512;

/** BTF type information: sizes, members and enumerators of a kernel's types. */
export class Btf {
  readonly #types: KernelView;
  readonly #strings: KernelView;
  /** Offset of each type by number; number 0 is void. */
  readonly #places: readonly number[];
  #structs: Map<string, number> | undefined;

  /** Use {@link parseBtf}. */
  constructor({ types, strings, places }: BtfParts) {
    this.#types = types;
    this.#strings = strings;
    this.#places = places;
  }

  /** How many types there are, void included. */
  get size(): number {
    return this.#places.length;
  }

  /** The first struct or union of a name, or undefined. */
  struct(name: string): StructType | undefined {
    if (this.#structs === undefined) {
      this.#structs = new Map();
      for (let number = this.size - 1; number > 0; number--) {
        if (this.#isStruct(number)) this.#structs.set(this.#name(number), number);
      }
    }
    const number = this.#structs.get(name);
    return number === undefined ? undefined : this.structAt(number);
  }

  /** The struct or union of a type number, through typedefs and qualifiers; undefined if it is none. */
  structAt(number: number): StructType | undefined {
    const type = this.#resolve(number);
    if (!this.#isStruct(type)) return undefined;
    return { name: this.#name(type), size: this.#word(type, 8), members: this.#members(type) };
  }

  /** Element type and length of an array type; undefined if it is none. */
  arrayAt(number: number): { readonly element: number; readonly length: number } | undefined {
    const type = this.#resolve(number);
    if (this.#kind(type) !== btfKind.array) return undefined;
    return { element: this.#word(type, btfTypeSize), length: this.#word(type, btfTypeSize + 8) };
  }

  /** Enumerators of the first enum of a name, by name. */
  enumerators(name: string): ReadonlyMap<string, number> | undefined {
    for (let number = 1; number < this.size; number++) {
      if (this.#kind(number) !== btfKind.enum || this.#name(number) !== name) continue;
      const place = this.#place(number) + btfTypeSize;
      const entries = Array.from({ length: this.#length(number) }, (_, index) => {
        return [
          this.#string(this.#types.u32(place + index * 8)),
          this.#types.s32(place + index * 8 + 4),
        ] as const;
      });
      return new Map(entries);
    }
    return undefined;
  }

  /**
   * A member by path, `mkobj.mod`: its offset from the start of the struct and its type number. Anonymous structs and
   * unions are looked through.
   */
  member(struct: StructType, path: string): { readonly offset: number; readonly type: number } | undefined {
    let within: StructType | undefined = struct;
    let offset = 0;
    let type = 0;
    for (const name of path.split('.')) {
      const found: TypeMember | undefined = within === undefined ? undefined : this.#find(within, name, 0);
      if (found === undefined) return undefined;
      offset += found.offset;
      type = found.type;
      within = this.structAt(type);
    }
    return { offset, type };
  }

  #find(struct: StructType, name: string, depth: number): TypeMember | undefined {
    for (const member of struct.members) {
      if (member.name === name) return member;
      const inner = member.name === '' && depth < 8 ? this.structAt(member.type) : undefined;
      const found = inner === undefined ? undefined : this.#find(inner, name, depth + 1);
      if (found !== undefined) return { ...found, offset: member.offset + found.offset };
    }
    return undefined;
  }

  #members(type: number): TypeMember[] {
    const place = this.#place(type) + btfTypeSize;
    // kind_flag: the upper 8 bits of a member's offset are the size of its bit field.
    const hasBitFields = this.#word(type, 4) >>> 31 === 1;
    return Array.from({ length: this.#length(type) }, (_, index) => place + index * 12).flatMap((member) => {
      const bits = this.#types.u32(member + 8);
      const isBitField = (hasBitFields && bits >>> 24 !== 0) || (bits & 7) !== 0;
      if (isBitField) return [];
      const offset = (hasBitFields ? bits & 0xff_ffff : bits) / 8;
      return [{ name: this.#string(this.#types.u32(member)), offset, type: this.#types.u32(member + 4) }];
    });
  }

  /** The type behind typedefs and qualifiers; damaged chains end at void. */
  #resolve(number: number): number {
    let type = number;
    for (let steps = 0; steps < 32; steps++) {
      if (!transparent.has(this.#kind(type))) return type;
      type = this.#word(type, 8);
    }
    return 0;
  }

  #isStruct(number: number): boolean {
    const found = this.#kind(number);
    return found === btfKind.struct || found === btfKind.union;
  }

  #kind(number: number): number {
    return number > 0 && number < this.size ? btfKindOf(this.#word(number, 4)) : 0;
  }

  #length(number: number): number {
    return btfLengthOf(this.#word(number, 4));
  }

  #name(number: number): string {
    return this.#string(this.#word(number, 0));
  }

  #word(number: number, offset: number): number {
    return this.#types.u32(this.#place(number) + offset);
  }

  #place(number: number): number {
    return this.#places[number] ?? 0;
  }

  #string(offset: number): string {
    return offset < this.#strings.length ? this.#strings.string(offset, longestName) : '';
  }
}

/**
 * Read BTF data that stands on its own: a kernel's, not that of a module, which continues the kernel's.
 *
 * @throws KelpError `memory/damaged-btf` if it is none, ends early, or has a kind of type of unknown size.
 */
export function parseBtf(bytes: Uint8Array, byteOrder: ByteOrder, file?: string): Btf {
  return new Btf(takeApartBtf(bytes, byteOrder, file));
}
