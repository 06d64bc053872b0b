import { wrap, type AddressSpace, type PageTableRoot } from './address-space.ts';
import type { PageTableFormat, PageTableLevel } from './page-tables.ts';
import type { VmcoreInfo } from './vmcoreinfo.ts';

// Arm Architecture Reference Manual, "VMSAv8-64 translation table format descriptors".
const valid = { mask: 1n, value: 1n };
const block = { mask: 2n, value: 0n };
const page = { mask: 3n, value: 3n };

/** From the last level upwards, as arch/arm64/include/asm/pgtable-types.h names them. */
const names = ['pte', 'pmd', 'pud', 'p4d', 'pgd'] as const;

/** A block of memory may replace the tables of the two levels above the last. */
const levelsWithBlocks: ReadonlySet<string> = new Set(['pmd', 'pud']);

/**
 * Page tables of arm64 for TTBR1.
 *
 * @param pageShift - 12, 14 or 16: the granule.
 * @param addressBits - bits of a virtual address that the tables translate: 64 - TCR_EL1.T1SZ.
 */
export function arm64PageTables(pageShift: 12 | 14 | 16, addressBits: number): PageTableFormat {
  // FEAT_LPA2 (TCR_EL1.DS) comes with more than 48 bits where the granule is below 64 KiB.
  const lpa2 = addressBits > 48 && pageShift < 16;
  const output = (lpa2 ? 1n << 50n : 1n << 48n) - 1n;
  const within = (shift: number): bigint => output & ~((1n << BigInt(shift)) - 1n);
  const bitsPerLevel = pageShift - 3;
  const depth = Math.ceil((addressBits - pageShift) / bitsPerLevel);
  const levels = Array.from({ length: depth }, (_, down): PageTableLevel => {
    const up = depth - 1 - down;
    const shift = pageShift + up * bitsPerLevel;
    const bits = Math.min(bitsPerLevel, addressBits - shift);
    const name = up === depth - 1 && up > 0 ? 'pgd' : (names[up] ?? 'pgd');
    if (up === 0) return { name, shift, bits, present: page, table: 0n, page: within(shift) };
    const level = { name, shift, bits, present: valid, table: within(pageShift), page: within(shift) };
    return levelsWithBlocks.has(names[up] ?? '') ? { ...level, leaf: block } : level;
  });
  const format = {
    name: `arm64, ${2 ** (pageShift - 10)}K pages, ${addressBits} bits`,
    byteOrder: 'little',
    levels,
  } as const;
  // Bits 49:48 are in place with LPA2, bits 51:50 in 9:8; with 64K pages bits 51:48 are in 15:12.
  if (lpa2) return { ...format, highAddress: { mask: 0x300n, shift: 42n } };
  return pageShift === 16 ? { ...format, highAddress: { mask: 0xf000n, shift: 36n } } : format;
}

export const arm64AddressSpace: AddressSpace = {
  architecture: 'arm64',
  machine: 183,
  byteOrder: 'little',
  machineNames: ['aarch64'],
  roots: ({ info }) => (info === undefined ? [] : rootOfKernel(info)),
  // With KASLR modules may be anywhere in the vmalloc area near the kernel.
  modules: ({ format }, info) => ({
    start: info?.number('MODULES_VADDR') ?? wrap(-(1n << BigInt(translatedBits(format)))),
    end: info?.number('VMALLOC_END') ?? wrap(-1n),
  }),
};

function rootOfKernel(info: VmcoreInfo): PageTableRoot[] {
  const table = info.symbol('swapper_pg_dir');
  const imageOffset = info.number('kimage_voffset');
  const pageShift = pageShifts.find((shift) => info.pageSize === 2 ** shift);
  const addressBits = virtualAddressBits(info, pageShift);
  if (
    table === undefined ||
    imageOffset === undefined ||
    pageShift === undefined ||
    addressBits === undefined
  )
    return [];
  return [{ format: arm64PageTables(pageShift, addressBits), root: wrap(table - imageOffset) }];
}

const pageShifts = [12, 14, 16] as const;

/**
 * What the CPU translates. A kernel built for 52 bits with 64K pages keeps its root table of 1,024 entries on a CPU with
 * 48 bits, which is then given the end of it (TTBR1_BADDR_4852_OFFSET); with smaller pages it leaves out levels instead.
 */
function virtualAddressBits(info: VmcoreInfo, pageShift: number | undefined): number | undefined {
  const size = info.number('TCR_EL1_T1SZ');
  const built = info.number('VA_BITS');
  const used = size === undefined ? built : 64n - size;
  const bits = Number(pageShift === 16 ? (built ?? used) : used);
  return bits >= 25 && bits <= 52 ? bits : undefined;
}

function translatedBits({ levels: [top] }: PageTableFormat): number {
  return top === undefined ? 48 : top.shift + top.bits;
}
