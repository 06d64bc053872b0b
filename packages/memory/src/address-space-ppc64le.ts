import type { AddressSpace, DumpFacts, PageTableRoot } from './address-space.ts';
import { KernelView } from './kernel-reader.ts';
import type { PageTableFormat, PageTableLevel } from './page-tables.ts';

// arch/powerpc/include/asm/book3s/64/pgtable.h: both MMUs share the bits of Linux's page tables.
/** _PAGE_PRESENT, and the valid bit of directory entries. */
const present = { mask: 1n << 63n, value: 1n << 63n };
/** _PAGE_PTE: the entry maps memory. */
const leaf = { mask: 1n << 62n, value: 1n << 62n };
const tableBits = 0x0fff_ffff_ffff_ff00n;
/** PTE_RPN_MASK without the page's own bits. With the hash MMU the upper four of them are software's (H_PAGE_HASHPTE). */
const pageBits = { radix: 0x01ff_ffff_ffff_f000n, hash: 0x001f_ffff_ffff_f000n };
/** The radix MMU's next level size, in the low bits of a directory entry; 0 in the tables of the hash MMU. */
const nextLevelSize = 0x1fn;

// Index sizes of the levels pgd, pud, pmd and pte: radix-4k.h, radix-64k.h, hash-4k.h, hash-64k.h.
const indexBits = {
  radix: { 12: [13, 9, 9, 9], 16: [13, 9, 9, 5] },
  hash: { 12: [9, 9, 7, 9], 16: [8, 10, 10, 8] },
} as const;

const names = ['pgd', 'pud', 'pmd', 'pte'] as const;

/** The MMU of a kernel: radix since POWER9, hash before, on request, and under some hypervisors. */
export type PowerMmu = keyof typeof indexBits;

/**
 * Linux's page tables of ppc64le. The hash MMU does not read them, but the kernel keeps them for what vmalloc maps.
 *
 * @param pageShift - 12 or 16.
 */
export function ppc64lePageTables(mmu: PowerMmu, pageShift: 12 | 16): PageTableFormat {
  let shift: number = pageShift;
  const upwards = names.toReversed().map((name, up): PageTableLevel => {
    const bits = indexBits[mmu][pageShift][3 - up] ?? 0;
    const page = pageBits[mmu] & ~((1n << BigInt(shift)) - 1n);
    const level: PageTableLevel =
      up === 0
        ? { name, shift, bits, present, table: 0n, page }
        : { name, shift, bits, present, leaf, table: tableBits, page };
    shift += bits;
    return level;
  });
  return {
    name: `ppc64le ${mmu}, ${2 ** (pageShift - 10)}K pages`,
    byteOrder: 'big',
    levels: upwards.toReversed(),
  };
}

/** PAGE_OFFSET: all memory is mapped from here, and the kernel image with it. */
const linearStart = 0xc000_0000_0000_0000n;

/** Where vmalloc begins (RADIX_KERN_VIRT_START, H_KERN_VIRT_START), and with it the modules, and where it must have ended. */
const vmalloc = {
  start: { 12: 0xc000_3d00_0000_0000n, 16: 0xc008_0000_0000_0000n },
  end: 0xc00a_0000_0000_0000n,
};

export const ppc64leAddressSpace: AddressSpace = {
  architecture: 'ppc64le',
  machine: 21,
  byteOrder: 'little',
  machineNames: ['ppc64le', 'ppc64'],
  roots,
  // The hash MMU has no page tables for linear memory.
  linear: ({ format }) => ({
    start: linearStart,
    end: vmalloc.start[isHash(format) ? pageShiftOf(format) : 16],
    physical: 0n,
  }),
  modules: ({ format }, info) => ({
    start: info?.number('VMALLOC_START') ?? vmalloc.start[isHash(format) ? pageShiftOf(format) : 16],
    end: vmalloc.end,
  }),
};

function roots({ info, physical }: DumpFacts): PageTableRoot[] {
  const table = info?.symbol('swapper_pg_dir');
  if (table === undefined) return [];
  const root = table & (linearStart - 1n) & ~linearStart;
  const pageShift = info?.pageSize === 4096 ? 12 : 16;
  const mmu = mmuOf(
    physical.read(root, 8 << indexBits.hash[pageShift][0]),
    physical.read(root, 8 << indexBits.radix[pageShift][0]),
  );
  return mmu === undefined ? [] : [{ format: ppc64lePageTables(mmu, pageShift), root }];
}

/** The MMU by the first entry of the root table. */
function mmuOf(hashTable: Uint8Array | undefined, radixTable: Uint8Array | undefined): PowerMmu | undefined {
  const bytes = radixTable ?? hashTable;
  if (bytes === undefined) return undefined;
  const table = new KernelView(bytes, 'big');
  for (let offset = 0; offset < table.length; offset += 8) {
    const entry = table.u64(offset);
    if ((entry & present.mask) !== 0n) return (entry & nextLevelSize) === 0n ? 'hash' : 'radix';
  }
  return undefined;
}

function isHash(format: PageTableFormat): boolean {
  return format.levels[0]?.bits !== indexBits.radix[16][0];
}

function pageShiftOf(format: PageTableFormat): 12 | 16 {
  return format.levels.at(-1)?.shift === 12 ? 12 : 16;
}
