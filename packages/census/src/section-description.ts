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
  /** The same without what they lead to. */
  readonly offsets: string | undefined;
  /** Flags and sh_entsize that most modules have. */
  readonly header: string | undefined;
  readonly signals: DetectedTable['signals'];
}

/** Describe a section by what most modules have. */
export function describeSection(shape: SectionShapeCount | undefined): SectionDescription {
  if (shape === undefined)
    return {
      entrySize: undefined,
      fields: undefined,
      places: undefined,
      offsets: undefined,
      header: undefined,
      signals: [],
    };
  const detected = detectTable(shape);
  const layout = mostUsed(shape.layouts);
  const header = mostUsed(shape.headers);
  return {
    entrySize: layout?.size ?? detected?.stride,
    fields: layout?.fields,
    places: detected?.stride === undefined ? undefined : placesText(detected),
    offsets:
      detected?.stride === undefined ? undefined : detected.fields.map(({ offset }) => offset).join(', '),
    header:
      header === undefined
        ? undefined
        : `type ${header.type}, flags ${header.flags}, sh_entsize ${header.entrySize}`,
    signals: detected?.signals ?? [],
  };
}

/** A few exceptions do not make another kind of field: how many there are differs from kernel to kernel. */
const fewExceptions = 0.05;

function targetText(code: number): string {
  if (code > 1 - fewExceptions) return ' (code)';
  return code < fewExceptions ? '' : ' (code or data)';
}

/** Where the pointers of a detected table stand. */
export function placesText({ fields }: DetectedTable): string {
  return fields.map(({ offset, code }) => `${offset}${targetText(code)}`).join(', ');
}

function mostUsed<Row extends { readonly modules: number }>(rows: readonly Row[]): Row | undefined {
  return rows.toSorted((a, b) => b.modules - a.modules)[0];
}
