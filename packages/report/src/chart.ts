import type { Cell, ChartBlock, TableBlock } from './report.ts';

/** A chart as the table of its numbers: what outputs without drawings show. */
export function chartTable(chart: ChartBlock): TableBlock {
  checkChart(chart);
  return {
    kind: 'table',
    caption: chart.title,
    columns: [
      { label: chart.categoryLabel },
      ...chart.panels.flatMap(({ label }) =>
        chart.series.map((series) => ({ label: `${label}, ${series}`, align: 'right' as const })),
      ),
    ],
    rows: chart.categories.map((category, row) => ({
      cells: [
        { text: category, code: true },
        ...chart.panels.flatMap(({ values }) => (values[row] ?? []).map((value): Cell => value ?? '')),
      ],
    })),
  };
}

/**
 * Refuses a chart that cannot be drawn.
 *
 * @throws RangeError
 */
export function checkChart({ categories, series, panels }: ChartBlock): void {
  for (const { label, values } of panels) {
    if (values.length !== categories.length)
      throw new RangeError(`panel ${label} has ${values.length} rows for ${categories.length} categories`);
    for (const row of values) {
      if (row.length !== series.length)
        throw new RangeError(`panel ${label} has ${row.length} values for ${series.length} series`);
      if (row.some((value) => value !== null && !(value >= 0 && Number.isFinite(value))))
        throw new RangeError(`panel ${label} has a value that is no bar's length`);
    }
  }
}
