import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderHtml, renderMarkdown, renderTerminal, type ChartBlock } from '../src/index.ts';

const chart: ChartBlock = {
  kind: 'chart',
  title: 'Use',
  categoryLabel: 'section',
  categories: ['__bugs', '__evil<script>'],
  series: ['6.1', '6.12'],
  panels: [
    {
      label: 'modules',
      unit: '',
      values: [
        [1, 200],
        [3, 0],
      ],
    },
    {
      label: 'share',
      unit: ' %',
      values: [
        [50, 100],
        [null, 25],
      ],
    },
  ],
};

const html = (block: ChartBlock): string => renderHtml({ title: 'T', blocks: [block] });

/** Widths of the bars of an SVG in order. */
function widths(page: string): readonly number[] {
  return [...page.matchAll(/<rect class="series-\d" x="[\d.]+" y="[\d.]+" width="([\d.]+)"/gu)].map((match) =>
    Number(match[1]),
  );
}

test('terminal and Markdown show the numbers as a table', () => {
  const text = renderTerminal({ title: 'T', blocks: [chart] }, { color: false });
  expect(text).toMatch(/^ {2}section +modules, 6\.1 +modules, 6\.12 +share, 6\.1 +share, 6\.12$/mu);
  expect(text).toMatch(/^ {2}__bugs +1 +200 +50 +100$/mu);
  expect(renderMarkdown({ title: 'T', blocks: [chart] })).toContain('`__bugs`');
});

describe('HTML', () => {
  test('has a bar for each number, as long as the number is large, and the numbers as a table', () => {
    const page = html(chart);
    const [one = 0, other = 0] = widths(page);
    expect(widths(page)).toHaveLength(7);
    expect(other / one).toBeCloseTo(200, -1.5);
    expect(page).toContain('<title>__bugs, 6.12: 100 %</title>');
    expect(page).toContain('<summary>Numbers: Use</summary>');
  });

  test('needs nothing that the content security policy forbids: no style attribute, no script', () => {
    const svg = /<svg[\s\S]*<\/svg>/u.exec(html(chart))?.[0] ?? '';
    expect(svg).toContain('__evil&lt;script&gt;');
    expect(svg).not.toMatch(/style=|<script|<style|href=/u);
  });

  test('of nothing but zeros has bars of no length', () => {
    const panels = [
      {
        label: 'modules',
        unit: '',
        values: [
          [0, 0],
          [0, 0],
        ],
      },
    ];
    expect(widths(html({ ...chart, panels }))).toEqual([0, 0, 0, 0]);
  });

  test('keeps two categories of one name apart', () => {
    const page = html({ ...chart, categories: ['same', 'same'] });
    const lines = [...page.matchAll(/class="category" x="\d+" y="([\d.]+)"/gu)].map((match) => match[1]);
    expect(new Set(lines).size).toBe(2);
  });

  test('bars never leave their panel', () => {
    const values = fc.array(fc.tuple(fc.nat(1e9), fc.nat(1e9)), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(values, (rows) => {
        const panels = [{ label: 'n', unit: '', values: rows }];
        for (const width of widths(html({ ...chart, panels }))) {
          expect(width).toBeGreaterThanOrEqual(0);
          expect(width).toBeLessThanOrEqual(330);
        }
      }),
      { numRuns: 30 },
    );
  });
});

test.each([
  ['rows', [[1, 2]]],
  ['values', [[1], [2, 3]]],
  [
    'a negative value',
    [
      [-1, 2],
      [2, 3],
    ],
  ],
  [
    'a value that is no number',
    [
      [Number.NaN, 2],
      [2, 3],
    ],
  ],
])('a chart with wrong %s is refused', (_what, values) => {
  const wrong: ChartBlock = { ...chart, panels: [{ label: 'n', unit: '', values }] };
  expect(() => html(wrong)).toThrow(RangeError);
});
