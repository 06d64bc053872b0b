import { scaleBand, scaleLinear, type ScaleLinear } from 'd3-scale';
import { checkChart } from '../chart.ts';
import { escapeHtml } from '../escape.ts';
import type { ChartBlock, ChartPanel } from '../report.ts';

const labelWidth = 230;
const panelWidth = 330;
const gap = 24;
const barHeight = 9;
const rowPadding = 7;
const headHeight = 46;
/** The style sheet has a fill for each of them; more series share the last. */
const fills = 4;

/** Horizontal bars: one group for each category, one bar for each series, one panel for each measure. */
export function renderChart(chart: ChartBlock): string {
  checkChart(chart);
  const { title, categories, series, panels } = chart;
  const rowHeight = series.length * barHeight + rowPadding;
  const height = headHeight + categories.length * rowHeight + 4;
  const width = labelWidth + panels.length * (panelWidth + gap);
  // Positions, not names: two categories may have one name.
  const rows = scaleBand<number>(categories.keys(), [headHeight, headHeight + categories.length * rowHeight]);
  const description = `${title}. Bars for ${panels.map(({ label }) => label).join(' and ')}; the numbers follow in a table.`;
  return [
    '<figure class="chart">',
    `<figcaption>${escapeHtml(title)}</figcaption>`,
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(description)}">`,
    ...series.map(
      (name, index) =>
        `<g transform="translate(${labelWidth + index * 150} 4)"><rect class="series-${fillOf(index)}" width="10" height="10"/><text x="15" y="9">${escapeHtml(name)}</text></g>`,
    ),
    ...categories.map(
      (name, row) =>
        `<text class="category" x="${labelWidth - 8}" y="${round((rows(row) ?? 0) + rowHeight / 2 + 3)}" text-anchor="end">${escapeHtml(shortened(name))}${name === shortened(name) ? '' : `<title>${escapeHtml(name)}</title>`}</text>`,
    ),
    ...panels.flatMap((panel, index) =>
      renderPanel(panel, chart, labelWidth + index * (panelWidth + gap), (row) => rows(row) ?? 0, height),
    ),
    '</svg>',
    '</figure>',
  ].join('\n');
}

function renderPanel(
  { label, unit, values }: ChartPanel,
  { categories, series }: ChartBlock,
  left: number,
  top: (row: number) => number,
  height: number,
): readonly string[] {
  const largest = Math.max(0, ...values.flat().map((value) => value ?? 0));
  const scale = scaleLinear([0, largest || 1], [left, left + panelWidth]).nice(4);
  return [
    `<text class="panel" x="${left}" y="28">${escapeHtml(label)}</text>`,
    ...ticks(scale, unit, height),
    ...values.flatMap((row, category) =>
      row.map((value, index) => {
        if (value === null) return '';
        const name = `${categories[category] ?? ''}, ${series[index] ?? ''}: ${value}${unit}`;
        const y = round(top(category) + rowPadding / 2 + index * barHeight);
        return `<rect class="series-${fillOf(index)}" x="${left}" y="${y}" width="${round(scale(value) - left)}" height="${barHeight - 1}"><title>${escapeHtml(name)}</title></rect>`;
      }),
    ),
  ].filter((line) => line !== '');
}

function ticks(scale: ScaleLinear<number, number>, unit: string, height: number): readonly string[] {
  return scale.ticks(4).map((value) => {
    const x = round(scale(value));
    return `<line class="grid" x1="${x}" y1="${headHeight - 4}" x2="${x}" y2="${height}"/><text class="tick" x="${x}" y="${headHeight - 7}" text-anchor="middle">${escapeHtml(`${scale.tickFormat(4)(value)}${unit}`)}</text>`;
  });
}

function fillOf(series: number): number {
  return Math.min(series, fills - 1);
}

function shortened(name: string): string {
  return name.length > 32 ? `${name.slice(0, 31)}…` : name;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
