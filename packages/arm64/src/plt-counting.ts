import { kernelSort, type Kernel } from '@kelp/core';
import type { RelocationTable, Section, SymbolTable } from '@kelp/core/elf';
import { pltEntrySize } from './plt-entries.ts';

/** R_AARCH64_JUMP26 and R_AARCH64_CALL26. */
export const branchTypes: ReadonlySet<number> = new Set([282, 283]);
/** R_AARCH64_ADR_PREL_PG_HI21 and R_AARCH64_ADR_PREL_PG_HI21_NC. */
export const adrpTypes: ReadonlySet<number> = new Set([275, 276]);

/** What counting depends on beside the file. */
export interface CountingRules {
  readonly kernel: Kernel;
  /** Modules may lie out of reach of the kernel, so that branches between sections may need an entry. */
  readonly branches: boolean;
  /** ADRP must be kept away from the end of pages. */
  readonly erratum843419: boolean;
}

/** What module_frob_arch_sections() finds out about one relocation section. */
export interface PltDemand {
  /** Order in which the records are applied; undefined: as in the file. */
  readonly order: Uint32Array | undefined;
  /** Entries that may be needed, those to be skipped included. */
  readonly entries: number;
  /** The alignment that keeps ADRP instructions of the relocated section away from the end of pages. */
  readonly alignment: number;
}

/** Sort the branches of one relocation section that may need a PLT entry to its front, and count what is needed. */
export function countPlts(
  table: RelocationTable,
  symbols: SymbolTable,
  target: Section,
  rules: CountingRules,
): PltDemand {
  const order = Uint32Array.from({ length: table.count }, (_, index) => index);
  const leavesSection = (index: number): boolean =>
    branchTypes.has(table.type(index)) && symbols.rawSectionIndex(table.symbol(index)) !== target.index;
  const first = rules.branches ? partition(order, leavesSection) : 0;
  sortBranches(order, first, table, rules.kernel);
  let entries = rules.branches ? countBranches(order, table, leavesSection) : 0;
  let alignment = Number(target.alignment);
  if (rules.erratum843419) {
    const adrps = countAdrps(table, alignment);
    alignment = adrps.alignment;
    entries += adrps.entries;
    // Slots whose own ADRP would stand at the end of a page are left free.
    entries += Math.ceil(entries / Math.floor(0x1000 / pltEntrySize));
  }
  return { order: first === 0 ? undefined : order, entries, alignment };
}

/**
 * partition_branch_plt_relas(): records that may need an entry go to the front.
 *
 * @returns how many of them are known to be there.
 */
function partition(order: Uint32Array, leavesSection: (index: number) => boolean): number {
  let [front, back] = [0, order.length - 1];
  while (front < back) {
    if (leavesSection(order[front] ?? 0)) front++;
    else if (leavesSection(order[back] ?? 0)) swap(order, front, back);
    else back--;
  }
  return front;
}

function swap(order: Uint32Array, a: number, b: number): void {
  const first = order[a] ?? 0;
  order[a] = order[b] ?? 0;
  order[b] = first;
}

/** cmp_rela(): type, symbol, addend. */
function compareRecords(table: RelocationTable, a: number, b: number): number {
  return (
    table.type(a) - table.type(b) ||
    table.symbol(a) - table.symbol(b) ||
    Number(table.addend(a) - table.addend(b))
  );
}

function sortBranches(order: Uint32Array, count: number, table: RelocationTable, kernel: Kernel): void {
  const compare = (a: number, b: number): number => compareRecords(table, order[a] ?? 0, order[b] ?? 0);
  kernelSort({ count, compare, swap: (a, b) => swap(order, a, b) }, kernel);
}

/** The first half of count_plts(): branches with the same target and addend 0 share an entry. */
function countBranches(
  order: Uint32Array,
  table: RelocationTable,
  leavesSection: (index: number) => boolean,
): number {
  let count = 0;
  for (const [position, index] of order.entries()) {
    if (!leavesSection(index)) continue;
    const before = position === 0 ? undefined : order[position - 1];
    const duplicate = before !== undefined && compareRecords(table, index, before) === 0;
    if (!duplicate || table.addend(index) !== 0n) count++;
  }
  return count;
}

/**
 * The second half of count_plts(): aligning the section to twice the value of the lowest zero bit among bits 11 to 3 of
 * an offset keeps that instruction from the end of a page; where there is no such bit, it may need a veneer.
 */
function countAdrps(
  table: RelocationTable,
  alignment: number,
): { readonly entries: number; readonly alignment: number } {
  let entries = 0;
  let most = alignment;
  for (let index = 0; index < table.count; index++) {
    if (!adrpTypes.has(table.type(index))) continue;
    const offset = table.offset(index);
    let bit = 3;
    while (bit < 12 && ((offset >>> bit) & 1) === 1) bit++;
    if (bit === 12) entries++;
    else most = Math.max(most, 2 << bit);
  }
  return { entries, alignment: most };
}
