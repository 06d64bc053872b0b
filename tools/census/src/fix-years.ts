/**
 * The earliest year in which each bug can have been filed. A CVE of a year cannot be fixed before it, and bug numbers grow
 * with time: every bug with a higher number is of that year or later.
 *
 * @param fixes - names that end in the number of the bug: `bsc1112544`.
 * @param known - years by fix.
 */
export function earliestYears(
  fixes: readonly string[],
  known: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const years = new Map<string, string>();
  let latest = '';
  for (const fix of [...new Set(fixes)].toSorted((a, b) => bugNumber(a) - bugNumber(b))) {
    const year = known.get(fix) ?? '';
    if (year > latest) latest = year;
    if (latest !== '') years.set(fix, latest);
  }
  return years;
}

function bugNumber(fix: string): number {
  return Number(/\d+$/u.exec(fix)?.[0] ?? 0);
}
