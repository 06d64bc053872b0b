import { KelpError, type ByteOrder } from '@kelp/core';
import { KernelView } from './kernel-reader.ts';
import { hex, memorySource, type Absence, type MemorySource } from './memory-source.ts';

/** Bits of a page table entry that must have a value. */
export interface EntryTest {
  readonly mask: bigint;
  readonly value: bigint;
}

/** One level of page tables: an index into a table of 64-bit entries. */
export interface PageTableLevel {
  /** The name that the kernel or the architecture gives it: `pmd`, `segment`. */
  readonly name: string;
  /** Lowest bit of the virtual address that the index takes. */
  readonly shift: number;
  /** How many bits the index has. */
  readonly bits: number;
  /** Entries that lead anywhere. */
  readonly present: EntryTest;
  /** Entries that map memory themselves; absent where the architecture or the kernel has none at this level. */
  readonly leaf?: EntryTest;
  /** Bits of an entry that are the physical address of the next table; 0 at the last level. */
  readonly table: bigint;
  /** Bits of a leaf that are the physical address of the memory. */
  readonly page: bigint;
}

/** How an architecture translates addresses, with the page size and address size of one kernel. */
export interface PageTableFormat {
  readonly name: string;
  /** Byte order of the entries: ppc64le has big-endian ones. */
  readonly byteOrder: ByteOrder;
  /** From the root table down to the level with pages. */
  readonly levels: readonly PageTableLevel[];
  /** Physical address bits kept elsewhere in an entry: `(entry & mask) << shift` is added to the address. */
  readonly highAddress?: { readonly mask: bigint; readonly shift: bigint };
  /** Bits of entries that are no address although they lie within one (AMD's memory encryption bit). */
  readonly notAddress?: bigint;
}

/** The place of a virtual address in physical memory. */
export interface Translation {
  readonly physical: bigint;
  /** Bytes from here that lie together: up to the end of the page. */
  readonly length: bigint;
}

/** Why an address has no translation. */
export interface NoTranslation {
  readonly absent: Absence;
  /** Bytes from here for which the same holds. */
  readonly length: bigint;
}

/** Tables kept: the upper ones are read for every page. */
const keptTables = 4096;

/** Tables that a walk may visit, enough for 32 GiB of 4 KiB pages: damaged tables may lead to themselves. */
const mostTables = 2 ** 14;

/** Translates addresses through the page tables at one root. */
export class PageTables {
  readonly format: PageTableFormat;
  /** Physical address of the root table. */
  readonly root: bigint;
  readonly #physical: MemorySource;
  readonly #tables = new Map<bigint, KernelView | Absence>();

  constructor(format: PageTableFormat, root: bigint, physical: MemorySource) {
    this.format = format;
    this.root = root;
    this.#physical = physical;
  }

  /** Where a virtual address lies in physical memory. Address bits above those that the tables take are not looked at. */
  translate(address: bigint): Translation | NoTranslation {
    let table = this.root;
    let span = 0n;
    for (const level of this.format.levels) {
      const entries = this.#table(table, level.bits);
      span = 1n << BigInt(level.shift);
      const rest = span - (address & (span - 1n));
      if (!(entries instanceof KernelView)) return { absent: entries, length: rest };
      const index = Number(address >> BigInt(level.shift)) & ((1 << level.bits) - 1);
      const entry = entries.u64(index * 8);
      if (!passes(entry, level.present)) return { absent: 'not-mapped', length: rest };
      if (isLeaf(entry, level))
        return { physical: this.#address(entry, level.page) + (address & (span - 1n)), length: rest };
      table = this.#address(entry, level.table);
    }
    return { absent: 'not-mapped', length: span };
  }

  /**
   * The mapped ranges between two addresses, in address order; neighbors in virtual memory are joined.
   *
   * @param largestPage - leave out memory mapped by larger pages than this many bytes.
   * @throws KelpError `memory/damaged-dump` if the tables do not end.
   */
  mapped(start: bigint, end: bigint, largestPage: bigint): { address: bigint; size: bigint }[] {
    const found: { address: bigint; size: bigint }[] = [];
    const add = (address: bigint, size: bigint): void => {
      const last = found.at(-1);
      if (last !== undefined && last.address + last.size === address) last.size += size;
      else found.push({ address, size });
    };
    const [top] = this.format.levels;
    if (top === undefined) return found;
    const reach = 1n << BigInt(top.shift + top.bits);
    this.#walk([this.root], start - (start % reach), { start, end, largestPage, add, tables: 0 });
    return found;
  }

  /** @param path - the tables from the root to this one. */
  #walk(path: readonly bigint[], base: bigint, range: WalkedRange): void {
    const [table = this.root] = path.slice(-1);
    const level = this.format.levels[path.length - 1];
    const entries = level === undefined ? undefined : this.#table(table, level.bits);
    if (level === undefined || !(entries instanceof KernelView)) return;
    if (path.indexOf(table) < path.length - 1)
      throw endless(`the page table at ${hex(table)} leads to itself`);
    if (++range.tables > mostTables)
      throw endless(`more than ${mostTables} page tables below ${hex(this.root)}`);
    const span = 1n << BigInt(level.shift);
    const first = range.start > base ? Number((range.start - base) / span) : 0;
    for (let index = first; index < 1 << level.bits; index++) {
      const address = base + BigInt(index) * span;
      if (address >= range.end) break;
      const entry = entries.u64(index * 8);
      if (!passes(entry, level.present)) continue;
      if (!isLeaf(entry, level)) this.#walk([...path, this.#address(entry, level.table)], address, range);
      else if (span <= range.largestPage) range.add(address, span);
    }
  }

  #address(entry: bigint, mask: bigint): bigint {
    const { highAddress: high, notAddress = 0n } = this.format;
    const address = entry & mask & ~notAddress;
    return high === undefined ? address : address | ((entry & high.mask) << high.shift);
  }

  #table(address: bigint, bits: number): KernelView | Absence {
    const known = this.#tables.get(address);
    if (known !== undefined) return known;
    if (!isAddressable(address, 8 << bits)) return 'not-mapped';
    const bytes = this.#physical.read(address, 8 << bits);
    const table =
      bytes === undefined
        ? this.#whyAbsent(address, 8 << bits)
        : new KernelView(bytes, this.format.byteOrder);
    if (this.#tables.size >= keptTables) this.#tables.clear();
    this.#tables.set(address, table);
    return table;
  }

  #whyAbsent(address: bigint, length: number): Absence {
    const gap = this.#physical.pieces(address, length).find((piece) => 'absent' in piece);
    return gap !== undefined && 'absent' in gap ? gap.absent : 'not-mapped';
  }
}

interface WalkedRange {
  readonly start: bigint;
  readonly end: bigint;
  readonly largestPage: bigint;
  readonly add: (address: bigint, size: bigint) => void;
  /** Visited so far. */
  tables: number;
}

function endless(found: string): KelpError {
  return new KelpError('memory/damaged-dump', found);
}

/** Whether a range from a damaged entry is one that a source can be asked for. */
function isAddressable(address: bigint, length: number): boolean {
  return address >= 0n && address + BigInt(length) <= 1n << 64n;
}

function passes(entry: bigint, test: EntryTest): boolean {
  return (entry & test.mask) === test.value;
}

/** At the last level every present entry maps memory. */
function isLeaf(entry: bigint, level: PageTableLevel): boolean {
  return level.table === 0n || (level.leaf !== undefined && passes(entry, level.leaf));
}

/** Virtual memory through page tables in physical memory. */
export function translatedMemory(tables: PageTables, physical: MemorySource): MemorySource {
  return memorySource((address, length) => {
    const place = tables.translate(address);
    const room = place.length < BigInt(length) ? Number(place.length) : length;
    if ('absent' in place) return { length: room, absent: place.absent };
    if (!isAddressable(place.physical, room)) return { length: room, absent: 'not-mapped' };
    const [piece] = physical.pieces(place.physical, room);
    if (piece === undefined) return { length: room, absent: 'not-mapped' };
    return 'bytes' in piece ? piece.bytes : { length: piece.length, absent: piece.absent };
  });
}
