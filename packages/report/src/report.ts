/** What a text says about its subject: green, red, amber or gray where color is shown. The words must say it too. */
export type Tone = 'good' | 'bad' | 'warning' | 'muted';

/** A short word attached to a text, such as `decoded`. In the terminal and in Markdown it stands in parentheses. */
export interface Badge {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A text with appearance. Names from files may stand in every string: the renderers escape them. */
export interface StyledText {
  readonly text: string | number | bigint;
  readonly tone?: Tone | undefined;
  /** Set in a fixed-width font where the output has one. For names of symbols, sections, types and files. */
  readonly code?: boolean | undefined;
  /** More words on hovering in HTML; the terminal and Markdown leave it out. */
  readonly title?: string | undefined;
  readonly badges?: readonly Badge[] | undefined;
}

/** A text of a report; numbers are shown in decimal without separators. */
export type Text = string | number | bigint | StyledText;

/** Tag names with their values, such as `architecture` with `s390x`. The filters of an HTML page select by them. */
export type Tags = ReadonlyMap<string, readonly string[]>;

/** A cell with appearance or tags. */
export interface StyledCell extends StyledText {
  readonly tags?: Tags | undefined;
}

/** A table cell. An empty string is an empty cell. */
export type Cell = string | number | bigint | StyledCell;

/** A column of a table. */
export interface Column {
  readonly label: string;
  /** Without it a column of numbers is set right and any other left. */
  readonly align?: 'left' | 'right' | undefined;
  readonly tags?: Tags | undefined;
}

/** A row of a table, with one cell for each column. */
export interface Row {
  readonly cells: readonly Cell[];
  readonly tags?: Tags | undefined;
}

/** Rows under labeled columns. */
export interface Table {
  readonly caption?: string | undefined;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Index of the column that names the row: searched by name and kept in view in HTML. The first, if absent. */
  readonly rowHeader?: number | undefined;
  /** Shown in place of a table without rows; `none` if absent. */
  readonly empty?: string | undefined;
}

/** A heading below the title, which is level 1. */
export interface HeadingBlock {
  readonly kind: 'heading';
  readonly level: 2 | 3 | 4;
  readonly text: string;
}

/** One paragraph. A newline in it is shown as `\x0a`, since it can only come from a name. */
export interface ParagraphBlock {
  readonly kind: 'paragraph';
  readonly text: Text;
}

/** A list without numbers. */
export interface ListBlock {
  readonly kind: 'list';
  readonly items: readonly Text[];
}

/** One line of a definition list, such as `Machine: S/390`. A term may occur more than once. */
export interface Definition {
  readonly term: string;
  readonly value: Text;
}

/** Terms with their values, like the ELF header that readelf prints. */
export interface DefinitionListBlock {
  readonly kind: 'definitions';
  readonly definitions: readonly Definition[];
}

/** A table as a block of a report. */
export interface TableBlock extends Table {
  readonly kind: 'table';
}

/** One measure of a chart. */
export interface ChartPanel {
  readonly label: string;
  /** Stands behind each number: ` %`. */
  readonly unit: string;
  /** By category, then by series; null where there is none. Not negative. */
  readonly values: readonly (readonly (number | null)[])[];
}

/** Bars that compare series by category. Outputs without drawings show the numbers as a table, and HTML has both. */
export interface ChartBlock {
  readonly kind: 'chart';
  readonly title: string;
  readonly categoryLabel: string;
  /** Names may come from files: the renderers escape them. */
  readonly categories: readonly string[];
  readonly series: readonly string[];
  readonly panels: readonly ChartPanel[];
}

/** Lines in a fixed-width font; `\n` separates lines. */
export interface CodeBlock {
  readonly kind: 'code';
  readonly text: string;
}

/** Bytes as a hex dump. */
export interface BytesBlock {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
  /** Offset or address of the first byte; 0 if absent. */
  readonly start?: number | bigint | undefined;
}

/** A part of a report. */
export type Block =
  | HeadingBlock
  | ParagraphBlock
  | ListBlock
  | DefinitionListBlock
  | TableBlock
  | ChartBlock
  | CodeBlock
  | BytesBlock;

/** Plain data that every renderer turns into its own format. */
export interface Report {
  readonly title: string;
  readonly blocks: readonly Block[];
}
