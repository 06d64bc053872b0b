import type { Census } from './census.ts';

/** The text of a census file. The same files give the same bytes, however they were split and merged. */
export function censusText(census: Census): string {
  return `${JSON.stringify(census, undefined, 2)}\n`;
}
