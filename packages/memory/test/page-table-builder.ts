import type { ByteOrder } from '@kelp/core';
import type { PhysicalMemory } from './physical-memory.ts';

/** One level of page tables, written from the architecture's manual and not from the tables under test. */
export interface TestLevel {
  readonly shift: number;
  readonly bits: number;
  /** The entry that leads to a table. */
  readonly table: (address: bigint) => bigint;
  /** The entry that maps memory; undefined where no large page is possible. */
  readonly leaf: ((address: bigint) => bigint) | undefined;
  /** What an entry is that leads nowhere. */
  readonly empty: bigint;
}

export interface TestPageTables {
  readonly byteOrder: ByteOrder;
  readonly levels: readonly TestLevel[];
}

/** Writes page tables into memory. */
export class PageTableBuilder {
  readonly root: bigint;
  readonly #format: TestPageTables;
  readonly #memory: PhysicalMemory;

  constructor(format: TestPageTables, memory: PhysicalMemory, root?: bigint) {
    this.#format = format;
    this.#memory = memory;
    this.root = root ?? this.#newTable(0);
    if (root !== undefined) this.#clear(0, root);
  }

  /** Map the page, at a level by number from the root, of a virtual address. */
  map(virtual: bigint, physical: bigint, depth = this.#format.levels.length - 1): void {
    const { levels, byteOrder } = this.#format;
    let table = this.root;
    for (const [number, level] of levels.entries()) {
      const index = (virtual >> BigInt(level.shift)) & ((1n << BigInt(level.bits)) - 1n);
      const place = table + index * 8n;
      if (number === depth) {
        if (level.leaf === undefined) throw new Error(`level ${number} maps no memory`);
        this.#memory.putU64(place, level.leaf(physical), byteOrder);
        return;
      }
      if (this.#memory.u64(place, byteOrder) === level.empty) {
        const next = this.#newTable(number + 1);
        this.#memory.putU64(place, level.table(next), byteOrder);
        this.#tables.set(place, next);
      }
      table = this.#tables.get(place) ?? 0n;
    }
  }

  /** Map a range by the smallest pages. */
  mapRange(virtual: bigint, physical: bigint, size: number): void {
    const pageSize = 1 << (this.#format.levels.at(-1)?.shift ?? 12);
    for (let offset = 0; offset < size; offset += pageSize)
      this.map(virtual + BigInt(offset), physical + BigInt(offset));
  }

  readonly #tables = new Map<bigint, bigint>();

  #newTable(depth: number): bigint {
    const size = 8 << (this.#format.levels[depth]?.bits ?? 0);
    const table = this.#memory.allocate(size, Math.max(size, 4096));
    this.#clear(depth, table);
    return table;
  }

  #clear(depth: number, table: bigint): void {
    const { bits, empty } = this.#format.levels[depth] ?? { bits: 0, empty: 0n };
    for (let index = 0; index < 1 << bits; index++) {
      this.#memory.putU64(table + BigInt(index * 8), empty, this.#format.byteOrder);
    }
  }
}
