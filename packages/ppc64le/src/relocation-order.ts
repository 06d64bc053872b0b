import { kernelSort, type Kernel } from '@kelp/core';
import type { RelocationTable } from '@kelp/core/elf';

/** Records of one relocation section in columns, and the order in which the loader goes through them. */
export interface OrderedRelocations {
  /** ELF64_R_SYM, by record. */
  readonly symbols: Uint32Array;
  /** ELF64_R_TYPE, by record. */
  readonly types: Uint32Array;
  readonly addends: BigInt64Array;
  /** Records by position. */
  readonly order: Uint32Array;
}

/**
 * The sort of get_stubs_size(): by r_info and addend, both descending, since relacmp() exchanges its arguments. Equal
 * records end up in the order that the kernel's heapsort gives them.
 *
 * @param rounds - how often the loader sorts: again, what is equal may change places.
 */
export function sortRelocations(
  records: RelocationTable,
  kernel: Kernel,
  rounds: number,
): OrderedRelocations {
  const { count } = records;
  const [symbols, types, order] = [new Uint32Array(count), new Uint32Array(count), new Uint32Array(count)];
  const addends = new BigInt64Array(count);
  for (let record = 0; record < count; record++) {
    order[record] = record;
    symbols[record] = records.symbol(record);
    types[record] = records.type(record);
    addends[record] = records.addend(record);
  }
  const compare = (a: number, b: number): number => {
    const [x = 0, y = 0] = [order[b], order[a]];
    const byInfo = (symbols[x] ?? 0) - (symbols[y] ?? 0) || (types[x] ?? 0) - (types[y] ?? 0);
    if (byInfo !== 0) return byInfo;
    const [ofX = 0n, ofY = 0n] = [addends[x], addends[y]];
    if (ofX === ofY) return 0;
    return ofX < ofY ? -1 : 1;
  };
  const swap = (a: number, b: number): void => {
    [order[a], order[b]] = [order[b] ?? 0, order[a] ?? 0];
  };
  for (let round = 0; round < rounds; round++) kernelSort({ count, compare, swap }, kernel);
  return { symbols, types, addends, order };
}

/**
 * count_relocs(): how many runs of records with the same symbol and addend there are among those that are wanted.
 *
 * The kernel starts with symbol 0 and addend 0, so that a first record with both is not counted. It keeps the addend in
 * 32 unsigned bits, so that records with a negative addend, or one of 4 GiB and more, are counted one by one.
 */
export function countRuns(
  { symbols, addends, order }: OrderedRelocations,
  wanted: (record: number) => boolean,
): number {
  let [count, symbol, addend] = [0, 0, 0n];
  for (const record of order) {
    if (!wanted(record) || (symbols[record] === symbol && addends[record] === addend)) continue;
    count++;
    symbol = symbols[record] ?? 0;
    addend = BigInt.asUintN(32, addends[record] ?? 0n);
  }
  return count;
}
