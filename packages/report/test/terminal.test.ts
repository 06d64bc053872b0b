import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, escapeTerminal, renderTerminal, type Report } from '../src/index.ts';
import { HOSTILE_NAMES, hostileName } from './hostile-names.ts';
import { SAMPLE_REPORT } from './sample-report.ts';

function tableReport(labels: readonly string[], rows: readonly (readonly Cell[])[]): Report {
  return {
    title: 'T',
    blocks: [
      {
        kind: 'table',
        columns: labels.map((label) => ({ label })),
        rows: rows.map((cells) => ({ cells })),
      },
    ],
  };
}

/** Lines below the title and the empty line after it. */
function body(report: Report, width?: number): readonly string[] {
  return renderTerminal(report, { color: false, width }).split('\n').slice(2, -1);
}

describe('renderTerminal', () => {
  it('prints the sample', async () => {
    await expect(renderTerminal(SAMPLE_REPORT, { color: false })).toMatchFileSnapshot('golden/report.txt');
  });

  it('prints the sample in a narrow terminal', async () => {
    await expect(renderTerminal(SAMPLE_REPORT, { color: false, width: 44 })).toMatchFileSnapshot(
      'golden/report-narrow.txt',
    );
  });

  it('uses SGR sequences only if asked, and none changes the layout', () => {
    const plain = renderTerminal(SAMPLE_REPORT, { color: false });
    const colored = renderTerminal(SAMPLE_REPORT, { color: true });
    expect(plain).not.toContain('\u001b');
    expect(colored).toContain('\u001b[31mrefused\u001b[39m');
    expect(colored).toContain('(\u001b[32mdecoded\u001b[39m, \u001b[31mnot applied\u001b[39m)');
    expect(withoutColor(colored)).toBe(plain);
  });

  it('sets columns of numbers right and all others left', () => {
    const rows: readonly (readonly Cell[])[] = [
      ['a', 5, 10n, 'x'],
      ['bbb', 1000, '', 7],
    ];
    expect(body(tableReport(['N', 'A', 'B', 'C'], rows))).toEqual([
      '  N       A   B  C',
      '  a       5  10  x',
      '  bbb  1000      7',
    ]);
  });

  it('follows an explicit alignment', () => {
    const report: Report = {
      title: 'T',
      blocks: [
        {
          kind: 'table',
          columns: [
            { label: 'Address', align: 'right' },
            { label: 'N', align: 'left' },
          ],
          rows: [{ cells: ['0x10', 1] }, { cells: ['0x1000', 22] }],
        },
      ],
    };
    expect(body(report)).toEqual(['  Address  N', '     0x10  1', '   0x1000  22']);
  });

  it('neither breaks nor cuts without a width', () => {
    const name = 'x'.repeat(500);
    expect(body(tableReport(['Name', 'N'], [[name, 1]]))[1]).toBe(`  ${name}  1`);
  });

  it('lets a long name stick out without a width, and keeps the other rows together', () => {
    const long = 'x'.repeat(500);
    expect(
      body(
        tableReport(
          ['Name', 'N'],
          [
            ['.text', 1],
            [long, 22],
          ],
        ),
      ),
    ).toEqual(['  Name    N', '  .text   1', `  ${long}  22`]);
  });

  it.each([
    ['\u4e2d\u6587', 4],
    ['\u{1f600}', 2],
    ['e\u0301', 1],
    ['\u2013', 1],
    ['\uff21', 2],
  ])('gives %j a width of %i', (name, width) => {
    const [, first = '', second = ''] = body(
      tableReport(
        ['', 'N'],
        [
          [name, 1],
          ['wider', 2],
        ],
      ),
    );
    expect(first).toBe(`  ${name}${' '.repeat(5 - width)}  1`);
    expect(second).toBe('  wider  2');
  });

  it('breaks even a table of one column', () => {
    expect(body(tableReport(['Name'], [['x'.repeat(60)]]), 32)).toEqual([
      '  Name',
      `  ${'x'.repeat(30)}`,
      `  ${'x'.repeat(30)}`,
    ]);
  });

  it('breaks text at words and long names anywhere, and loses nothing', () => {
    const name = `${'x'.repeat(100)} and some words that follow it`;
    const lines = body(tableReport(['Name', 'N'], [[name, 12345]]), 40);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    const words = lines.slice(1).map((line) => line.slice(2, 33).trim());
    expect(words.join('').replaceAll(' ', '')).toBe(name.replaceAll(' ', ''));
    expect(lines.filter((line) => line.endsWith('12345'))).toHaveLength(1);
  });

  it('puts columns that do not fit below, each part with the names of the rows', () => {
    const labels = ['Name', ...Array.from({ length: 9 }, (_, index) => `column ${index}`)];
    const cells = labels.map((_, index) => (index === 0 ? 'row' : `value of ${index}`));
    const lines = body(tableReport(labels, [cells]), 50);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(50);
    const starts = lines.filter((line) => line.startsWith('  Name'));
    expect(starts).toHaveLength(3);
    expect(starts.join('').match(/column \d/g)).toEqual(labels.slice(1));
    expect(lines.filter((line) => line.startsWith('  row'))).toHaveLength(3);
  });

  it('keeps rows together and in order in long tables', () => {
    const rows = Array.from({ length: 1234 }, (_, index) => [`row ${index}`, index]);
    const lines = body(tableReport(['Name', 'N'], rows));
    expect(lines).toHaveLength(1235);
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([16]));
    expect(lines.slice(1).map((line) => Number(line.slice(-4)))).toEqual(rows.map(([, n]) => n));
  });

  it.each(HOSTILE_NAMES)('prints the name %j on one line', (name) => {
    expect(body(tableReport(['Name', 'N'], [[name, 1]]))).toHaveLength(2);
    expect(body(tableReport(['Name', 'N'], [[name, 1]])).join('\n')).toContain(
      escapeTerminal(name).trimEnd(),
    );
  });

  it('prints no control character and no trailing space, whatever the names are', () => {
    fc.assert(
      fc.property(
        hostileName,
        hostileName,
        fc.option(fc.integer({ min: 30, max: 120 }), { nil: undefined }),
        fc.boolean(),
        (first, second, width, color) => {
          const text = renderTerminal(everywhere(first, second), { color, width });
          const plain = color ? withoutColor(text) : text;
          expect(plain).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          expect(plain).not.toMatch(/ $/m);
        },
      ),
    );
  });

  it('cuts nothing, however wide the characters are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const [, line = ''] = body(tableReport(['Name', 'N'], [[name, 1]]));
        expect(line).toContain(escapeTerminal(name).trimEnd());
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses a row that does not fit its columns', () => {
    expect(() => body(tableReport(['A', 'B'], [['x', 'y'], ['x']]))).toThrow(
      new RangeError('row 1 has 1 cells, table has 2 columns'),
    );
  });
});

/** The two names in every place where a report has text. */
function everywhere(first: string, second: string): Report {
  return {
    title: first,
    blocks: [
      { kind: 'heading', level: 2, text: first },
      { kind: 'paragraph', text: { text: second, tone: 'bad' } },
      { kind: 'list', items: [first, { text: second, badges: [{ text: first }] }] },
      { kind: 'definitions', definitions: [{ term: first, value: second }] },
      { kind: 'code', text: first },
      { kind: 'table', caption: second, columns: [{ label: first }], rows: [], empty: first },
      {
        kind: 'table',
        columns: [{ label: first }, { label: second }],
        rows: [{ cells: [second, { text: first, tone: 'good', badges: [{ text: second }] }] }],
      },
    ],
  };
}

function withoutColor(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/\u001b\[\d+m/g, '');
}
