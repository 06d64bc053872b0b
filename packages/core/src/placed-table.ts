import { countEntries } from './entry.ts';
import { isPointer, type EntryField, type EntryLayout } from './entry-layout.ts';
import { readContainer, writeContainer, type ByteOrder } from './field.ts';
import { kernelSort } from './kernel-sort.ts';
import type { ModuleImage, PlacedSection } from './module-image.ts';

/**
 * The entries of a special section at their place in memory, after relocation: pointers are addresses. Changes are
 * made on a copy and written back by {@link commit}.
 */
export class PlacedTable {
  readonly count: number;
  readonly #layout: EntryLayout;
  readonly #address: bigint;
  readonly #bytes: Uint8Array;
  readonly #order: ByteOrder;

  constructor(image: ModuleImage, section: PlacedSection, layout: EntryLayout) {
    this.#layout = layout;
    this.#address = section.address;
    this.#bytes = image.read(section.address, section.size) ?? new Uint8Array();
    this.#order = image.byteOrder;
    this.count = countEntries(layout, this.#bytes.length) ?? 0;
  }

  /** Address of an entry. */
  address(entry: number): bigint {
    return this.#address + BigInt(entry * this.#layout.size);
  }

  /** The address that a pointer field names, without its flag bits. */
  pointer(entry: number, field: string): bigint {
    const { value, mask } = this.#pointer(entry, field);
    return value & ~mask;
  }

  /** The flag bits of a pointer field. */
  flags(entry: number, field: string): number {
    const { value, mask } = this.#pointer(entry, field);
    return Number(value & mask);
  }

  /** Let a pointer field name another address, with flag bits. */
  setPointer(entry: number, field: string, address: bigint, flags = 0): void {
    const one = this.#field(field);
    const place = this.#place(one, entry);
    const stored = (address | BigInt(flags)) - this.#base(one, entry);
    writeContainer(this.#bytes, place, one.size, this.#order, BigInt.asUintN(one.size * 8, stored));
  }

  /** A number, unsigned unless the field is signed. */
  number(entry: number, field: string): bigint {
    const one = this.#field(field);
    const raw = readContainer(this.#bytes, this.#place(one, entry), one.size, this.#order);
    return one.kind === 'signed' ? BigInt.asIntN(one.size * 8, raw) : raw;
  }

  setNumber(entry: number, field: string, value: bigint): void {
    const one = this.#field(field);
    writeContainer(this.#bytes, this.#place(one, entry), one.size, this.#order, BigInt.asUintN(one.size * 8, value));
  }

  /** Exchange two entries; distances in them are adjusted to their new places. */
  swap(a: number, b: number): void {
    const { size } = this.#layout;
    const pointers = Object.entries(this.#layout.fields).filter(([, field]) => isPointer(field) && field.kind !== 'absolute');
    const addresses = pointers.map(([name]) => [name, this.#pointer(a, name).value, this.#pointer(b, name).value] as const);
    const first = this.#bytes.slice(a * size, (a + 1) * size);
    this.#bytes.copyWithin(a * size, b * size, (b + 1) * size);
    this.#bytes.set(first, b * size);
    for (const [name, ofA, ofB] of addresses) {
      this.setPointer(a, name, ofB);
      this.setPointer(b, name, ofA);
    }
  }

  /** Sort with the kernel's own algorithm. */
  sort(image: ModuleImage, compare: (a: number, b: number) => number): void {
    kernelSort({ count: this.count, compare, swap: (a, b) => this.swap(a, b) }, image.kernel);
  }

  /** Write the changed entries back. */
  commit(image: ModuleImage, cause: string): void {
    const before = image.read(this.#address, this.#bytes.length);
    const { size } = this.#layout;
    for (let at = 0; at < this.#bytes.length; at += size) {
      const entry = this.#bytes.subarray(at, at + size);
      if (before !== undefined && entry.every((byte, index) => byte === before[at + index])) continue;
      image.write(this.#address + BigInt(at), entry, cause);
    }
  }

  #field(name: string): EntryField {
    const field = this.#layout.fields[name];
    if (field === undefined) throw new RangeError(`${this.#layout.structure} has no field ${name}`);
    return field;
  }

  #place({ offset }: EntryField, entry: number): number {
    return entry * this.#layout.size + offset;
  }

  /** What a stored pointer is relative to. */
  #base(field: EntryField, entry: number): bigint {
    if (field.kind === 'absolute') return 0n;
    return this.address(entry) + (field.kind === 'pc-relative' ? BigInt(field.offset) : 0n);
  }

  #pointer(entry: number, name: string): { readonly value: bigint; readonly mask: bigint } {
    const field = this.#field(name);
    const raw = readContainer(this.#bytes, this.#place(field, entry), field.size, this.#order);
    const stored = field.kind === 'absolute' ? raw : BigInt.asIntN(field.size * 8, raw);
    return { value: BigInt.asUintN(64, this.#base(field, entry) + stored), mask: BigInt(field.flags ?? 0) };
  }
}

/** Negative, zero or positive, for sorting by address. */
export function compareAddresses(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
