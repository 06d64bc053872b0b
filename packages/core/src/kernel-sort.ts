import { appliesTo, type Kernel } from './kernel.ts';

/** What lib/sort.c asks of a table. Indices count elements. */
export interface Sortable {
  readonly count: number;
  /** Negative, zero or positive as element `a` belongs before, with or after element `b`. Looks at the present order. */
  compare(a: number, b: number): number;
  swap(a: number, b: number): void;
}

/**
 * sort() of lib/sort.c: a bottom-up heapsort, not stable, so that only the same steps give the same order of equal
 * elements. The steps changed once: seen in 6.12, not in 6.1.
 */
export function kernelSort(table: Sortable, kernel: Kernel): void {
  if (table.count < 2) return;
  if (appliesTo([{ since: '6.12' }], kernel)) sortTwoAtATime(table);
  else sortOneAtATime(table);
}

/** Up to 6.1: one largest element a round; going down, the left child wins a tie. */
function sortOneAtATime(table: Sortable): void {
  let start = table.count >> 1;
  let end = table.count;
  for (;;) {
    if (start > 0) start--;
    else if (--end > 0) table.swap(0, end);
    else return;
    siftDown(table, start, end, 0);
  }
}

/** Since 6.12: the two largest elements a round, the last two or three apart; going down, the right child wins a tie. */
function sortTwoAtATime(table: Sortable): void {
  let start = table.count >> 1;
  let end = table.count;
  let step = 1;
  for (;;) {
    if (start > 0) {
      start -= step;
    } else if (end > 3) {
      table.swap(0, --end);
      step = table.compare(1, 2) <= 0 ? 2 : 1;
      start = step;
      table.swap(start, --end);
    } else {
      break;
    }
    siftDown(table, start, end, 1);
  }
  table.swap(0, --end);
  if (end === 2 && table.compare(0, 1) > 0) table.swap(0, 1);
}

/**
 * Walk from `start` down to a leaf along the larger children, then back up to where the element belongs, and shift the
 * path.
 *
 * @param least - what a comparison must reach for the left child to be taken: 0 on a tie too, 1 only if it is larger.
 */
function siftDown(table: Sortable, start: number, end: number, least: 0 | 1): void {
  let place = start;
  for (;;) {
    const left = 2 * place + 1;
    if (left + 1 >= end) {
      if (left + 1 === end) place = left;
      break;
    }
    place = table.compare(left, left + 1) >= least ? left : left + 1;
  }
  while (place !== start && table.compare(start, place) >= 0) place = parentOf(place);
  for (let at = place; at !== start;) {
    at = parentOf(at);
    table.swap(at, place);
  }
}

function parentOf(index: number): number {
  return (index - 1) >> 1;
}
