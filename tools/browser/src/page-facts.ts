import type { Page } from 'playwright-core';

/** A filter of the page and the values of its checkboxes, in order. */
export interface FilterFacts {
  readonly name: string;
  readonly values: readonly string[];
}

/** For each filter the indexes of the values that an element carries, or null where it does not carry the tag. */
export type TagFacts = readonly (readonly number[] | null)[];

/** A table that the filters apply to, as the markup says it. */
export interface TableFacts {
  readonly columns: readonly TagFacts[];
  readonly rows: readonly {
    readonly name: string;
    readonly tags: TagFacts;
    readonly cells: readonly TagFacts[];
  }[];
}

/** The same table as it can be seen. */
export interface VisibleTable {
  readonly columns: readonly boolean[];
  readonly rows: readonly boolean[];
  /** Every visible row shows exactly the visible columns. */
  readonly aligned: boolean;
}

/** Contrast between a color of text and its background, with an element where they meet. */
export interface ContrastFacts {
  readonly ratio: number;
  readonly sample: string;
}

/** Distance of a scrolled table's header and row names from where they should stick, in pixels. */
export interface Drift {
  readonly top: number;
  readonly left: number;
}

/** What in-page/in-page.js measures, by the name of its function. */
export interface Measurements {
  readonly readFilters: readonly FilterFacts[];
  readonly readTables: readonly TableFacts[];
  readonly readVisible: readonly VisibleTable[];
  readonly readContrasts: readonly ContrastFacts[];
  readonly addToneSamples: void;
  readonly removeToneSamples: void;
  /** Rows that are hidden in tables that the filters do not apply to. */
  readonly countWronglyHidden: number;
  readonly readOverflow: number;
  readonly readStickiness: readonly Drift[];
}

/** Calls a function of in-page/in-page.js. The types above are its contract. */
export async function measure<Name extends keyof Measurements>(
  page: Page,
  name: Name,
): Promise<Measurements[Name]> {
  return page.evaluate<Measurements[Name]>(`kelpCheck.${name}()`);
}
