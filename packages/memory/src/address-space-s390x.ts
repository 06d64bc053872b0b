import type { AddressSpace, DumpFacts, PageTableRoot } from './address-space.ts';
import { KernelView } from './kernel-reader.ts';
import type { PageTableFormat, PageTableLevel } from './page-tables.ts';

// z/Architecture Principles of Operation, "Dynamic Address Translation"; arch/s390/include/asm/pgtable.h.
const regionOrSegment = { mask: 0x20n, value: 0n };
const page = { mask: 0x400n, value: 0n };
/** FC, format control: the entry maps a frame of 2 GiB or 1 MiB (EDAT). */
const frame = { mask: 0x400n, value: 0x400n };
const tableOfRegion = ~0xfffn;

/** By table type, 3 to 0, and the page table: the types that the entries carry in bits 60 and 61. */
const allLevels: readonly PageTableLevel[] = [
  { name: 'region first', shift: 53, bits: 11, present: regionOrSegment, table: tableOfRegion, page: 0n },
  { name: 'region second', shift: 42, bits: 11, present: regionOrSegment, table: tableOfRegion, page: 0n },
  {
    name: 'region third',
    shift: 31,
    bits: 11,
    present: regionOrSegment,
    leaf: frame,
    table: tableOfRegion,
    page: ~0x7fff_ffffn,
  },
  {
    name: 'segment',
    shift: 20,
    bits: 11,
    present: regionOrSegment,
    leaf: frame,
    table: ~0x7ffn,
    page: ~0xf_ffffn,
  },
  { name: 'page', shift: 12, bits: 8, present: page, table: 0n, page: ~0xfffn },
];

/** Page tables of s390x below a table of a type: 3 region first, 2 region second, 1 region third, 0 segment. */
export function s390xPageTables(type: 0 | 1 | 2 | 3): PageTableFormat {
  const levels = allLevels.slice(3 - type);
  return { name: `s390x, ${levels.length} levels`, byteOrder: 'big', levels };
}

/** NT_S390_CTRS: 16 control registers. */
const controlRegisters = 0x304;

export const s390xAddressSpace: AddressSpace = {
  architecture: 's390x',
  machine: 22,
  byteOrder: 'big',
  machineNames: ['s390x'],
  roots: (facts) => [...rootOfKernel(facts), ...rootsOfCpus(facts)].flatMap((root) => formatAt(root, facts)),
  // MODULES_VADDR is not in VMCOREINFO; vmalloc and modules lie above all memory (setup_kernel_memory_layout).
  modules: ({ format: { levels } }, info, kernel) => {
    const [{ shift, bits } = { shift: 0, bits: 0 }] = levels;
    const endOfMemory = info?.symbol('high_memory');
    const start = endOfMemory === undefined ? undefined : kernel.tryU64(endOfMemory);
    return { start: start ?? 0n, end: 1n << BigInt(shift + bits) };
  },
  // lowcore.vmcore_info (arch/s390/include/asm/lowcore.h), of the absolute lowcore at 0.
  vmcoreInfoPointer: 0xe0cn,
};

function rootOfKernel({ info }: DumpFacts): bigint[] {
  const table = info?.symbol('swapper_pg_dir');
  if (table === undefined) return [];
  // Up to 6.9 the kernel image runs where it lies; from 6.10 on VMCOREINFO tells both places.
  const virtual = info?.address('KERNELOFFSET');
  const physical = info?.address('KERNELOFFPHYS');
  return [physical === undefined || virtual === undefined ? table : table - virtual + physical];
}

/** The address-space-control elements of the kernel: control register 1 in the kernel, 13 in user mode. */
function rootsOfCpus({ notes }: DumpFacts): bigint[] {
  return notes.flatMap(({ type, description }) => {
    if (type !== controlRegisters || description.length < 128) return [];
    const registers = new KernelView(description, 'big');
    return [registers.u64(8), registers.u64(13 * 8)].map((element) => element & tableOfRegion);
  });
}

/** The entries of a table carry its type, so its first one tells how many levels follow. */
function formatAt(root: bigint, { physical }: DumpFacts): PageTableRoot[] {
  const entry = root >= 0n && root < 1n << 63n ? physical.read(root, 8) : undefined;
  if (entry === undefined) return [];
  const type = tableTypes[(new KernelView(entry, 'big').u8(7) >> 2) & 3];
  return type === undefined ? [] : [{ format: s390xPageTables(type), root }];
}

const tableTypes = [0, 1, 2, 3] as const;
