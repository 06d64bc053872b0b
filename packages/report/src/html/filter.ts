import type { Table, Tags } from '../report.ts';
import { escapeHtml } from '../escape.ts';

/** A choice that a filter offers. */
export interface FilterValue {
  /** Value of the tag. */
  readonly value: string;
  /** Shown beside the checkbox. */
  readonly label: string;
}

/**
 * A group of checkboxes on an HTML page. Checking some leaves what carries at least one of the checked values; checking none leaves
 * everything. Rows and columns that carry the tag are hidden themselves. Where cells carry it, a row stays while one of its cells in a
 * visible column matches. What does not carry the tag at all is never hidden by the filter. Filters and search leave tables alone in
 * which nothing carries a tag of any filter, unless that is so in all of them.
 */
export interface Filter {
  /** Name of the tag, such as `architecture`; also its key in the fragment of the address. */
  readonly name: string;
  /** Heading of the group. */
  readonly label: string;
  readonly values: readonly FilterValue[];
}

/** Key of the name search in the fragment of the address, which no filter may have. */
const SEARCH_KEY = 'q';

/**
 * Refuses filters that could not be told apart.
 *
 * @throws RangeError
 */
export function checkFilters(filters: readonly Filter[]): void {
  const names = new Set([SEARCH_KEY]);
  for (const { name } of filters) {
    if (names.has(name)) throw new RangeError(`filter name ${JSON.stringify(name)} is taken`);
    names.add(name);
  }
}

/**
 * The attributes by which the script of the page finds what carries a tag: `data-f0="1 2"` carries the second and third value of the
 * first filter. Indexes keep large pages small and names out of the markup.
 */
export function tagAttributes(tags: Tags | undefined, filters: readonly Filter[]): string {
  if (tags === undefined) return '';
  return filters
    .map(({ name, values }, index) => {
      const carried = tags.get(name);
      if (carried === undefined) return '';
      const indexes = values.flatMap(({ value }, at) => (carried.includes(value) ? [at] : []));
      return ` data-f${index}="${indexes.join(' ')}"`;
    })
    .join('');
}

/** Whether something in a table carries the tag of a filter. */
export function isTagged(table: Table, filters: readonly Filter[]): boolean {
  const carries = (tags: Tags | undefined): boolean =>
    tags !== undefined && filters.some(({ name }) => tags.has(name));
  return (
    table.columns.some(({ tags }) => carries(tags)) ||
    table.rows.some(
      ({ cells, tags }) =>
        carries(tags) || cells.some((cell) => typeof cell === 'object' && carries(cell.tags)),
    )
  );
}

/** The controls of the page, hidden until the script shows them, since they do nothing without it. */
export function renderFilters(filters: readonly Filter[]): string {
  return [
    '<form id="filters" autocomplete="off" hidden>',
    '<details open>',
    '<summary>Filter</summary>',
    ...filters.map(renderFilter),
    '<div class="search"><label for="search">Name contains</label>',
    '<input type="search" id="search" spellcheck="false">',
    '<button type="button" id="clear">Clear</button></div>',
    '</details>',
    '<p id="shown" role="status" aria-live="polite"></p>',
    '</form>',
  ].join('\n');
}

function renderFilter({ name, label, values }: Filter): string {
  const boxes = values.map(
    (choice) =>
      `<label><input type="checkbox" value="${escapeHtml(choice.value)}"> ${escapeHtml(choice.label)}</label>`,
  );
  return [
    `<fieldset data-filter="${escapeHtml(name)}"><legend>${escapeHtml(label)}</legend><div>`,
    ...boxes,
    '</div></fieldset>',
  ].join('\n');
}
