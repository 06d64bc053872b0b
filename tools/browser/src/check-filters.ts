import type { Page } from 'playwright-core';
import {
  type FilterFacts,
  measure,
  type TableFacts,
  type TagFacts,
  type VisibleTable,
} from './page-facts.ts';

/** For each filter the indexes of its checked values; empty where none is checked. */
type Choice = readonly ReadonlySet<number>[];

/** Checks values of every filter and searches for names, and compares what is visible with what the tags say. */
export async function checkFilters(page: Page): Promise<readonly string[]> {
  const filters = await measure(page, 'readFilters');
  const tables = await measure(page, 'readTables');
  const problems: string[] = [];
  for (const choice of choices(filters)) {
    await choose(page, choice);
    const name = describeChoice(filters, choice);
    problems.push(...(await compare(page, name, tables, choice, '')));
    if (isEmpty(choice)) continue;
    problems.push(...(await compareReopened(page, name, tables, choice)));
  }
  await choose(page, emptyChoice(filters));
  for (const words of searchWords(tables)) {
    await page.locator('#search').fill(words);
    problems.push(...(await compare(page, `search ${words}`, tables, emptyChoice(filters), words)));
  }
  await page.locator('#clear').click();
  problems.push(...(await compare(page, 'after Clear', tables, emptyChoice(filters), '')));
  return problems;
}

function emptyChoice(filters: readonly FilterFacts[]): Choice {
  return filters.map(() => new Set<number>());
}

function isEmpty(choice: Choice): boolean {
  return choice.every((values) => values.size === 0);
}

/** Nothing, each value alone, the first two values of each filter, and the first or last values of all filters at once. */
function choices(filters: readonly FilterFacts[]): readonly Choice[] {
  const only = (at: number, ...values: readonly number[]): Choice =>
    filters.map((_, index) => new Set(index === at ? values : []));
  return [
    emptyChoice(filters),
    ...filters.flatMap(({ values }, at) => values.map((_, value) => only(at, value))),
    ...filters.flatMap(({ values }, at) => (values.length > 1 ? [only(at, 0, 1)] : [])),
    filters.map(() => new Set([0])),
    filters.map(({ values }) => new Set([values.length - 1])),
  ];
}

function describeChoice(filters: readonly FilterFacts[], choice: Choice): string {
  const parts = filters.flatMap(({ name, values }, index) =>
    Array.from(choice[index] ?? [], (value) => `${name}=${values[value]}`),
  );
  return parts.length === 0 ? 'nothing checked' : parts.join(' ');
}

async function choose(page: Page, choice: Choice): Promise<void> {
  for (const [index, values] of choice.entries()) {
    const boxes = page.locator('fieldset').nth(index).locator('input');
    const count = await boxes.count();
    for (let value = 0; value < count; value += 1) {
      await boxes.nth(value).setChecked(values.has(value));
    }
  }
}

/** The same view must come up when its address is opened anew. */
async function compareReopened(
  page: Page,
  name: string,
  tables: readonly TableFacts[],
  choice: Choice,
): Promise<readonly string[]> {
  const reopened = await page.context().newPage();
  try {
    await reopened.goto(page.url());
    return await compare(reopened, `${name}, opened by its address`, tables, choice, '');
  } finally {
    await reopened.close();
  }
}

function searchWords(tables: readonly TableFacts[]): readonly string[] {
  const names = tables.flatMap(({ rows }) => rows.map(({ name }) => name.trim()));
  const last = names.at(-1) ?? '';
  return [names[0] ?? '', last.slice(1, 6).toUpperCase(), 'no row has this name'].filter(
    (words) => words.trim() !== '',
  );
}

async function compare(
  page: Page,
  name: string,
  tables: readonly TableFacts[],
  choice: Choice,
  words: string,
): Promise<readonly string[]> {
  const visible = await measure(page, 'readVisible');
  const problems: string[] = [];
  for (const [index, table] of tables.entries()) {
    const seen = visible[index];
    if (seen === undefined || !isAsExpected(seen, expectVisible(table, choice, words))) {
      problems.push(`${name}: table ${index} shows other rows or columns than its tags say`);
    }
  }
  if ((await measure(page, 'countWronglyHidden')) > 0) {
    problems.push(`${name}: hides rows of a table that has no tags`);
  }
  const shown = visible.flatMap(({ rows }) => rows.filter(Boolean)).length;
  const total = visible.flatMap(({ rows }) => rows).length;
  const status = (await page.locator('#shown').textContent()) ?? '';
  const expected = `Showing ${shown === total ? total : `${shown} of ${total}`} row${total === 1 ? '' : 's'}`;
  if (status !== expected) problems.push(`${name}: says "${status}", expected "${expected}"`);
  return problems;
}

function isAsExpected(seen: VisibleTable, expected: Omit<VisibleTable, 'aligned'>): boolean {
  const { columns, rows } = expected;
  return seen.aligned && JSON.stringify([seen.columns, seen.rows]) === JSON.stringify([columns, rows]);
}

function carries(tags: TagFacts, filter: number): boolean {
  return (tags[filter] ?? null) !== null;
}

/** The rule of `Filter` in @kelp/report: values of one filter widen the choice, filters narrow it, missing tags do not count. */
function expectVisible(table: TableFacts, choice: Choice, words: string): Omit<VisibleTable, 'aligned'> {
  const active = choice.flatMap((values, filter) => (values.size > 0 ? [filter] : []));
  const meets = (tags: TagFacts, filter: number): boolean =>
    tags[filter]?.some((value) => choice[filter]?.has(value)) ?? false;
  const passes = (tags: TagFacts): boolean =>
    active.every((filter) => !carries(tags, filter) || meets(tags, filter));

  const columns = table.columns.map(passes);
  const inCells = active.filter((filter) =>
    table.rows.some(({ cells }) => cells.some((tags) => carries(tags, filter))),
  );
  const rows = table.rows.map(({ name, tags, cells }) => {
    const named = name.toLowerCase().includes(words.trim().toLowerCase());
    const cellPasses = cells.some(
      (each, index) => columns[index] === true && inCells.every((filter) => meets(each, filter)),
    );
    return named && passes(tags) && (inCells.length === 0 || cellPasses);
  });
  return { columns, rows };
}
