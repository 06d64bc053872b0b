import type { ByteOrder } from '@kelp/core';
import type { ElfNote } from './elf-notes.ts';
import type { KernelReader } from './kernel-reader.ts';
import type { MemorySource } from './memory-source.ts';
import type { PageTableFormat } from './page-tables.ts';
import type { VmcoreInfo } from './vmcoreinfo.ts';

/** What a dump tells about the machine besides its memory. */
export interface DumpFacts {
  readonly info: VmcoreInfo | undefined;
  /** Notes of the dump: registers of the CPUs. */
  readonly notes: readonly ElfNote[];
  readonly physical: MemorySource;
}

/** Page tables to try: the format and the physical address of the root table. */
export interface PageTableRoot {
  readonly format: PageTableFormat;
  readonly root: bigint;
}

/** Virtual addresses from `start` to `end` (excluded). */
export interface AddressRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Virtual memory that the kernel reaches without page tables: `physical` is where `start` lies. */
export interface LinearRange extends AddressRange {
  readonly physical: bigint;
}

/** How the kernel of one architecture lays out virtual memory, as far as a dump needs it. */
export interface AddressSpace {
  /** Kelp's name of the architecture. */
  readonly architecture: string;
  /** e_machine. */
  readonly machine: number;
  /** Of the kernel's memory; QEMU writes the headers of a ppc64le dump in the other order. */
  readonly byteOrder: ByteOrder;
  /** utsname.machine, and what QEMU writes instead. */
  readonly machineNames: readonly string[];
  /** Where the kernel's own page tables are, likeliest first; none where the dump does not tell. */
  readonly roots: (facts: DumpFacts) => readonly PageTableRoot[];
  /** Absent where page tables map everything. */
  readonly linear?: (root: PageTableRoot) => LinearRange;
  /** Where modules may be; may be far larger than what is mapped there. `kernel` reads virtual memory. */
  readonly modules: (root: PageTableRoot, info: VmcoreInfo | undefined, kernel: KernelReader) => AddressRange;
  /** Physical address of a word that points to the VMCOREINFO note. */
  readonly vmcoreInfoPointer?: bigint;
}

/** A sum or difference of addresses as the CPU computes it. */
export function wrap(address: bigint): bigint {
  return BigInt.asUintN(64, address);
}
