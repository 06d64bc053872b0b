import type { SectionShapeCount } from './census.ts';
import { detectTable, type DetectedTable } from './table-detector.ts';

/** What can be compared between the sections of one name in two kernels. */
export interface SectionDescription {
  /** Of the table row that fits most modules, else the stride that was detected. */
  readonly entrySize: number | undefined;
  /** Fields of that row. */
  readonly fields: string | undefined;
  /** Where pointers stand in the entries, found without the row: `0 (code), 8`. */
  readonly places: string | undefined;
  /** Flags and sh_entsize that most modules have. */
  readonly header: string | undefined;
  readonly signals: DetectedTable['signals'];
}

/** Describe a section by what most modules have. */
export function describeSection(shape: SectionShapeCount | undefined): SectionDescription {
  if (shape === undefined)
    return { entrySize: undefined, fields: undefined, places: undefined, header: undefined, signals: [] };
  const detected = detectTable(shape);
  const layout = mostUsed(shape.layouts);
  const header = mostUsed(shape.headers);
  return {
    entrySize: layout?.size ?? detected?.stride,
    fields: layout?.fields,
    places: detected?.stride === undefined ? undefined : placesText(detected),
    header:
      header === undefined
        ? undefined
        : `type ${header.type}, flags ${header.flags}, sh_entsize ${header.entrySize}`,
    signals: detected?.signals ?? [],
  };
}

/** Where the pointers of a detected table stand. */
export function placesText({ fields }: DetectedTable): string {
  return fields.map(({ offset, code }) => (code > 0.5 ? `${offset} (code)` : String(offset))).join(', ');
}

function mostUsed<Row extends { readonly modules: number }>(rows: readonly Row[]): Row | undefined {
  return rows.toSorted((a, b) => b.modules - a.modules)[0];
}
