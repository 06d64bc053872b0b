import { wrap, type AddressSpace, type DumpFacts, type PageTableRoot } from './address-space.ts';
import { KernelView } from './kernel-reader.ts';
import type { PageTableFormat, PageTableLevel } from './page-tables.ts';

// Intel SDM volume 3, "4-Level Paging and 5-Level Paging"; names as in arch/x86/include/asm/pgtable_types.h.
const addressBits = 0x000f_ffff_ffff_f000n;
const present = { mask: 1n, value: 1n };
/** PS, bit 7: the entry maps a large page. */
const large = { mask: 0x80n, value: 0x80n };

const fourLevels: readonly PageTableLevel[] = [
  { name: 'pgd', shift: 39, bits: 9, present, table: addressBits, page: 0n },
  { name: 'pud', shift: 30, bits: 9, present, leaf: large, table: addressBits, page: 0x000f_ffff_c000_0000n },
  { name: 'pmd', shift: 21, bits: 9, present, leaf: large, table: addressBits, page: 0x000f_ffff_ffe0_0000n },
  { name: 'pte', shift: 12, bits: 9, present, table: 0n, page: addressBits },
];

const fiveLevels: readonly PageTableLevel[] = [
  { name: 'pgd', shift: 48, bits: 9, present, table: addressBits, page: 0n },
  { name: 'p4d', shift: 39, bits: 9, present, table: addressBits, page: 0n },
  ...fourLevels.slice(1),
];

/** Page tables of x86-64 with 4 or, with LA57, 5 levels. */
export function x86PageTables(levels: 4 | 5, encryptionMask = 0n): PageTableFormat {
  return {
    name: `x86-64, ${levels} levels`,
    byteOrder: 'little',
    levels: levels === 5 ? fiveLevels : fourLevels,
    notAddress: encryptionMask,
  };
}

/** __START_KERNEL_map: the kernel image is mapped at phys_base from here. */
const kernelMap = 0xffff_ffff_8000_0000n;

/** Offsets in QEMU's x86_64 CPU state note (target/i386/arch_dump.c): 2 words, 18 registers, 10 segments, CR0 to CR4. */
const qemuState = { size: 440, cr3: 416, cr4: 424 };

/** CR4.LA57: 5 levels. */
const la57 = 1n << 12n;

/** With page-table isolation the tables used in user mode lie right behind the kernel's (PTI_PGTABLE_SWITCH_BIT). */
const userTables = 1n << 12n;

export const x86AddressSpace: AddressSpace = {
  architecture: 'x86',
  machine: 62,
  byteOrder: 'little',
  machineNames: ['x86_64'],
  roots: (facts) => [...rootOfKernel(facts), ...rootsOfCpus(facts)],
  // MODULES_VADDR lies at the end of the kernel image's 512 MiB, or 1 GiB with KASLR (pgtable_64_types.h).
  modules: () => ({ start: 0xffff_ffff_a000_0000n, end: 0xffff_ffff_ff00_0000n }),
};

function rootOfKernel({ info }: DumpFacts): PageTableRoot[] {
  const table = info?.symbol('init_top_pgt') ?? info?.symbol('swapper_pg_dir');
  const physicalBase = info?.number('phys_base');
  if (table === undefined || physicalBase === undefined) return [];
  const format = x86PageTables(
    info?.number('pgtable_l5_enabled') === 1n ? 5 : 4,
    info?.number('sme_mask') ?? 0n,
  );
  return [{ format, root: wrap(table - kernelMap + physicalBase) }];
}

function rootsOfCpus({ notes }: DumpFacts): PageTableRoot[] {
  return notes.flatMap(({ name, description }) => {
    if (name !== 'QEMU' || description.length < qemuState.size) return [];
    const state = new KernelView(description, 'little');
    const format = x86PageTables((state.u64(qemuState.cr4) & la57) === 0n ? 4 : 5);
    const root = state.u64(qemuState.cr3) & addressBits;
    return [
      { format, root },
      { format, root: root & ~userTables },
    ];
  });
}
