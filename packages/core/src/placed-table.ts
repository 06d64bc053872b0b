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
  readonly #view: DataView;
  readonly #order: ByteOrder;

  constructor(image: ModuleImage, section: PlacedSection, layout: EntryLayout) {
    this.#layout = layout;
    this.#address = section.address;
    this.#bytes = image.read(section.address, section.size) ?? new Uint8Array();
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
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
    writeContainer(
      this.#bytes,
      this.#place(one, entry),
      one.size,
      this.#order,
      BigInt.asUintN(one.size * 8, value),
    );
  }

  /**
   * Sort with the kernel's own algorithm, by the addresses in pointer fields: the first field counts most.
   *
   * @param tie - decides between two entries whose addresses are all the same, by their places before sorting.
   * @returns for each place the entry that went there, for parallel tables to follow.
   */
  sort(
    image: ModuleImage,
    fields: readonly string[],
    tie: (a: number, b: number) => number = () => 0,
  ): Uint32Array {
    const order = Uint32Array.from({ length: this.count }, (_, entry) => entry);
    const columns = fields.map((field) =>
      BigUint64Array.from(order, (_, entry) => this.pointer(entry, field)),
    );
    kernelSort(
      {
        count: this.count,
        compare: (a, b) => {
          const [first, second] = [order[a] ?? 0, order[b] ?? 0];
          for (const column of columns) {
            const [left = 0n, right = 0n] = [column[first], column[second]];
            if (left !== right) return left < right ? -1 : 1;
          }
          return tie(first, second);
        },
        swap: (a, b) => {
          const entry = order[a] ?? 0;
          order[a] = order[b] ?? 0;
          order[b] = entry;
        },
      },
      image.kernel,
    );
    this.reorder(order);
    return order;
  }

  /** Put the entry `order[place]` at each place. Distances in entries that move are adjusted. */
  reorder(order: Uint32Array): void {
    const { size } = this.#layout;
    const before = this.#bytes.slice();
    const relative = Object.values(this.#layout.fields).filter(
      (field) => isPointer(field) && field.kind !== 'absolute',
    );
    for (const [place, entry] of order.entries()) {
      if (place === entry) continue;
      this.#bytes.set(before.subarray(entry * size, (entry + 1) * size), place * size);
      for (const field of relative) this.#addDistance(field, place, (entry - place) * size);
    }
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

  /** Add to a stored distance, which wraps at the size of the field. What need not be there and is 0 stays 0. */
  #addDistance(field: EntryField, entry: number, distance: number): void {
    const at = this.#place(field, entry);
    if (field.optional === true && readContainer(this.#bytes, at, field.size, this.#order) === 0n) return;
    const little = this.#order === 'little';
    if (field.size === 4) this.#view.setInt32(at, this.#view.getInt32(at, little) + distance, little);
    else
      this.#view.setBigInt64(
        at,
        BigInt.asIntN(64, this.#view.getBigInt64(at, little) + BigInt(distance)),
        little,
      );
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
