import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import type { Census, KernelCounts } from './census.ts';

/** One table as a Parquet file. */
export interface ParquetTable {
  /** `relocations`: the name of the file without its extension. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The kinds of values that columns hold. */
type ColumnType = 'BOOLEAN' | 'INT64' | 'STRING';

type Value = string | number | boolean | null;

/** A table: its columns, and its rows for one kernel in the order of the columns. */
interface TableDefinition {
  readonly name: string;
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  readonly rows: (kernel: KernelCounts) => readonly (readonly Value[])[];
}

const tables: readonly TableDefinition[] = [
  {
    name: 'kernels',
    columns: [
      ['modules', 'INT64'],
      ['images', 'INT64'],
      ['failed', 'INT64'],
    ],
    rows: ({ modules, images, failed }) => [[modules, images, failed.length]],
  },
  {
    name: 'relocations',
    columns: [
      ['type', 'INT64'],
      ['name', 'STRING'],
      ['count', 'INT64'],
      ['modules', 'INT64'],
    ],
    rows: ({ relocations }) =>
      relocations.map(({ type, name, count, modules }) => [type, name, count, modules]),
  },
  {
    name: 'relocations_by_section',
    columns: [
      ['section', 'STRING'],
      ['type', 'INT64'],
      ['count', 'INT64'],
    ],
    rows: ({ relocationsBySection }) =>
      relocationsBySection.map(({ section, type, count }) => [section, type, count]),
  },
  {
    name: 'sections',
    columns: [
      ['section', 'STRING'],
      ['modules', 'INT64'],
      ['bytes', 'INT64'],
      ['entries', 'INT64'],
      ['special', 'BOOLEAN'],
      ['known', 'BOOLEAN'],
    ],
    rows: ({ sections }) =>
      sections.map(({ name, modules, bytes, entries, special, known }) => [
        name,
        modules,
        bytes,
        entries,
        special,
        known,
      ]),
  },
  {
    name: 'subsystems',
    columns: [
      ['subsystem', 'STRING'],
      ['modules', 'INT64'],
      ['functions', 'INT64'],
      ['keyed', 'INT64'],
      ['losing', 'INT64'],
    ],
    rows: ({ functions }) =>
      functions.subsystems.map((one) => [one.subsystem, one.modules, one.functions, one.keyed, one.losing]),
  },
  {
    name: 'function_sections',
    columns: [
      ['subsystem', 'STRING'],
      ['section', 'STRING'],
      ['functions', 'INT64'],
      ['entries', 'INT64'],
      ['outside', 'INT64'],
    ],
    rows: ({ functions }) =>
      functions.sections.map((one) => [one.subsystem, one.section, one.functions, one.entries, one.outside]),
  },
  {
    name: 'function_keys',
    columns: [
      ['module', 'STRING'],
      ['function', 'STRING'],
      ['table', 'STRING'],
      ['key', 'STRING'],
      ['kind', 'STRING'],
      ['external', 'BOOLEAN'],
    ],
    rows: ({ functions }) =>
      functions.keys.flatMap(({ module, table, key, kind, external, functions: names }) =>
        names.map((name) => [module, name, table, key, kind, external]),
      ),
  },
  {
    name: 'exported_objects',
    columns: [['name', 'STRING']],
    rows: ({ functions }) => functions.exports.map((name) => [name]),
  },
];

/**
 * A census as tables for DuckDB, Spark and the like; every row begins with `architecture` and `release`. The same census
 * gives the same bytes.
 */
export function parquetTables(census: Census): readonly ParquetTable[] {
  const kernels = Object.entries(census.architectures).flatMap(([architecture, counts]) =>
    counts.kernels.map((kernel) => ({ architecture, kernel })),
  );
  return tables.map(({ name, columns, rows }) => {
    const all = kernels.flatMap(({ architecture, kernel }) =>
      rows(kernel).map((row): readonly Value[] => [architecture, kernel.release, ...row]),
    );
    const named = [['architecture', 'STRING'], ['release', 'STRING'], ...columns] as const;
    const columnData = named.map(([column, type], index) =>
      columnOf(
        column,
        type,
        all.map((row) => row[index] ?? null),
      ),
    );
    return { name, bytes: new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'kelp' })) };
  });
}

function columnOf(name: string, type: ColumnType, values: readonly Value[]): ColumnSource {
  // 64-bit columns take bigint.
  const data = values.map((value) => (typeof value === 'number' ? BigInt(value) : value));
  return { name, type, data };
}
