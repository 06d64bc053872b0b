import {
  renderHtml,
  renderMarkdown,
  renderTerminal,
  type Report,
  type Row,
  type TableBlock,
} from '@kelp/report';
import { describe, expect, test } from 'vitest';
import {
  buildMatrix,
  matrixPage,
  matrixReport,
  type CoverageMatrix,
  type MatrixOptions,
} from '../src/index.ts';
import { toy } from './toy-architecture.ts';
import { evidenceFile, record, toyCensus } from './toy-input.ts';

const records = [
  record('section/.sites', 'recognized'),
  record('section/.sites', 'decoded'),
  record('section/.sites', 'decoded', { kernels: ['6.12'], holds: false, source: 'fixture' }),
  record('section/.note.toy', 'recognized'),
  record('relocation/R_TOY_NONE', 'recognized'),
  record('relocation/R_TOY_32', 'recognized'),
  record('relocation/R_TOY_32', 'decoded'),
  record('relocation/R_TOY_32', 'applied'),
];

const censuses = [
  toyCensus(
    {
      release: '6.1.100',
      modules: 12,
      sections: [
        { name: '.sites', modules: 4, entries: 40 },
        { name: '.note.toy', modules: 12 },
      ],
      relocations: [
        [0, 1, 1],
        [1, 345, 12],
      ],
    },
    {
      release: '6.12.7',
      modules: 10,
      sections: [
        { name: '.sites', modules: 3, entries: 30 },
        { name: '.evil|\u001b[31m_table', modules: 2, known: false },
      ],
      relocations: [
        [1, 300, 10],
        [6, 7, 5],
      ],
    },
    { release: 'unknown', modules: 1 },
  ),
];

function matrixOf(options: MatrixOptions = {}): CoverageMatrix {
  return buildMatrix([{ architecture: toy, evidence: evidenceFile(records) }], options);
}

const terminal = (report: Report): string => renderTerminal(report, { color: false });

describe('the report', () => {
  test('of scanned modules on a terminal', async () => {
    await expect(terminal(matrixReport(matrixOf({ censuses })))).toMatchFileSnapshot('golden/matrix.txt');
  });

  test('of scanned modules as Markdown', async () => {
    await expect(renderMarkdown(matrixReport(matrixOf({ censuses })))).toMatchFileSnapshot(
      'golden/matrix.md',
    );
  });

  test('without a census says so, and does not claim that all is covered', async () => {
    const text = terminal(matrixReport(matrixOf({ kernels: ['6.1', '6.12'] })));
    await expect(text).toMatchFileSnapshot('golden/matrix-without-census.txt');
    expect(text).not.toContain('Nothing:');
  });

  test('of one gap in several kernels has one line for it', () => {
    const sections = [{ name: '.moved', modules: 2 }];
    const both = [
      toyCensus({ release: '6.1', modules: 9, sections }, { release: '6.12', modules: 9, sections }),
    ];
    const lines = terminal(matrixReport(matrixOf({ censuses: both }))).split('\n');
    const found = lines.filter((line) => /^ {2}\.moved +toy /u.test(line));
    expect(found.map((line) => line.replaceAll(/ {2,}/gu, '  ').trim())).toEqual([
      '.moved  toy  6.1 6.12  4  no evidence that it is recognized',
    ]);
  });
});

/** The features in the first column of all tables of features. */
function features(report: Report): readonly unknown[] {
  const tables = report.blocks.filter(
    (block) => block.kind === 'table' && block.columns[0]?.label === 'feature',
  );
  return tables.flatMap((block) => (block.kind === 'table' ? block.rows.map(firstText) : []));
}

function firstText({ cells: [first] }: Row): unknown {
  return typeof first === 'object' ? first.text : first;
}

describe('the rows', () => {
  const matrix = matrixOf({ censuses });
  const capabilities = ['Livepatching', 'Static calls'];

  test('are what some kernel has or some module uses', () => {
    expect(features(matrixReport(matrix))).toEqual([
      ...capabilities,
      '.sites',
      '.note.toy',
      '.moved',
      '.fixup_*',
      '.fixup_late',
      ...['NONE', '32', 'TOC', 'TOCSAVE', 'PREL', 'CALL'].map((name) => `R_TOY_${name}`),
    ]);
  });

  test('are all with the option all', () => {
    expect(features(matrixReport(matrix, { all: true }))).toEqual(matrix.rows.map(({ title }) => title));
  });

  test('are capabilities and what modules use with the option used', () => {
    expect(features(matrixReport(matrix, { used: true }))).toEqual([
      ...capabilities,
      '.sites',
      '.note.toy',
      'R_TOY_NONE',
      'R_TOY_32',
      'R_TOY_CALL',
    ]);
  });

  test('of a kind without rows have no table', () => {
    const report = matrixReport(matrixOf({ kernels: ['6.1'] }), { used: true });
    expect(features(report)).toEqual(capabilities);
    expect(report.blocks.filter(({ kind }) => kind === 'table')).toHaveLength(1);
  });
});

describe('the page', () => {
  const matrix = matrixOf({ censuses });
  const { report, filters } = matrixPage(matrix);

  function table(): TableBlock {
    const found = report.blocks.find(
      (block): block is TableBlock => block.kind === 'table' && block.rows.length === matrix.rows.length,
    );
    if (found === undefined) throw new Error('no table of features');
    return found;
  }

  /** Names of the rows in which some cell carries all of these tags; the values of a filter are alternatives. */
  function rowsWith(tags: Readonly<Record<string, string>>): readonly unknown[] {
    return table()
      .rows.filter(({ cells }) =>
        cells.some((cell) => {
          const own = typeof cell === 'object' ? cell.tags : undefined;
          return Object.entries(tags).every(([name, value]) => own?.get(name)?.includes(value) === true);
        }),
      )
      .map(firstText);
  }

  test('has every feature as a row, whatever kernels have', () => {
    expect(table().rows).toHaveLength(matrix.rows.length);
  });

  test('has filters by architecture, kernel, kind, flag and use', () => {
    expect(filters.map(({ name, values }) => [name, values.map(({ value }) => value)])).toEqual([
      ['architecture', ['toy']],
      ['kernel', ['6.1', '6.12']],
      ['kind', ['capability', 'section', 'relocation']],
      ['flag', ['recognized', 'decoded', 'applied', 'reversible', 'proven', 'contradicted', 'none']],
      ['use', ['used', 'not used']],
    ]);
  });

  test('has nothing to filter by use where nothing was scanned', () => {
    expect(matrixPage(matrixOf()).filters.map(({ name }) => name)).toEqual([
      'architecture',
      'kernel',
      'kind',
      'flag',
    ]);
  });

  test('carries only tags that filters offer', () => {
    const { columns, rows } = table();
    const carried = [
      ...columns.map(({ tags }) => tags),
      ...rows.map(({ tags }) => tags),
      ...rows.flatMap(({ cells }) => cells.map((cell) => (typeof cell === 'object' ? cell.tags : undefined))),
    ].filter((tags) => tags !== undefined);
    expect(carried.length).toBeGreaterThan(rows.length * 3);
    for (const [name, values] of carried.flatMap((tags) => [...tags])) {
      const offered = filters.find((filter) => filter.name === name)?.values.map(({ value }) => value);
      expect(offered).toEqual(expect.arrayContaining([...values]));
    }
  });

  test('marks the columns with their kernels, the rows with architecture and kind', () => {
    const { columns, rows } = table();
    expect(
      columns.flatMap(({ label, tags }) => (tags === undefined ? [] : [[label, tags.get('kernel')]])),
    ).toEqual([
      ['6.1', ['6.1']],
      ['6.12', ['6.12']],
    ]);
    expect(rows.map(({ tags }) => [...(tags ?? [])])).toEqual(
      matrix.rows.map(({ architecture, kind }) => [
        ['architecture', [architecture]],
        ['kind', [kind]],
      ]),
    );
  });

  test('marks the cells with flags and use', () => {
    expect(rowsWith({ flag: 'applied' })).toEqual(['R_TOY_32']);
    expect(rowsWith({ flag: 'contradicted' })).toEqual(['.sites']);
    expect(rowsWith({ flag: 'none', use: 'used' })).toEqual(['R_TOY_CALL']);
    expect(rowsWith({ use: 'used' })).toEqual([
      '.sites',
      '.note.toy',
      'R_TOY_NONE',
      'R_TOY_32',
      'R_TOY_CALL',
    ]);
  });

  test('tells conditions, sources, counts and tools of a cell on hovering', () => {
    const row = table().rows.find((one) => firstText(one) === '.sites');
    expect(row?.cells[4]).toMatchObject({
      text: 'if 3',
      tone: 'warning',
      title:
        'Condition: TOY_SITES. Source: arch/toy/kernel/sites.c:apply_sites. Used by 3 of 10 modules, 30 times. ' +
        'klp-build: regenerated, by objtool. kpatch: supported.',
      badges: [
        { text: 'recognized', tone: 'good' },
        { text: 'contradicted', tone: 'bad' },
      ],
    });
  });

  test('is one HTML page in which names stay text', () => {
    const sections = [{ name: '<script>alert(1)</script>', modules: 1, known: false }];
    const hostile = matrixPage(matrixOf({ censuses: [toyCensus({ release: '6.1', modules: 1, sections })] }));
    const html = renderHtml(hostile.report, { filters: hostile.filters });
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).not.toContain('<script>alert');
  });
});
