import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Filter, renderHtml, type Report, type Row } from '../src/index.ts';
import { HOSTILE_NAMES, hostileName } from './hostile-names.ts';
import { SAMPLE_REPORT } from './sample-report.ts';

const FILTERS: readonly Filter[] = [
  {
    name: 'architecture',
    label: 'Architecture',
    values: [
      { value: 'x86', label: 'x86-64' },
      { value: 's390x', label: 's390x' },
    ],
  },
  {
    name: 'kernel',
    label: 'Kernel',
    values: [
      { value: '6.1', label: '6.1' },
      { value: '6.12', label: '6.12' },
    ],
  },
  { name: 'flag', label: 'Flag', values: [{ value: 'decoded', label: 'decoded' }] },
];

/** The page without its style and script, which have files of their own. */
function markup(html: string): string {
  return html
    .replace(/<style>.*<\/style>/s, '<style></style>')
    .replace(/<script>.*<\/script>/s, '<script></script>')
    .replaceAll(/'sha256-[^']*'/g, "'sha256-'");
}

/** One report with the name in every place where a page has text. */
function everywhere(name: string): string {
  const tags = new Map([[name, [name]]]);
  const report: Report = {
    title: name,
    blocks: [
      { kind: 'heading', level: 2, text: name },
      { kind: 'paragraph', text: { text: name, tone: 'bad', title: name } },
      { kind: 'list', items: [name, { text: `x${name}`, code: true, badges: [{ text: name }] }] },
      { kind: 'definitions', definitions: [{ term: name, value: name }] },
      { kind: 'code', text: name },
      {
        kind: 'table',
        caption: `x${name}`,
        columns: [{ label: name, tags }, { label: name }],
        rows: [{ cells: [name, { text: name, title: name, tags }], tags }],
      },
      { kind: 'table', columns: [{ label: name }], rows: [], empty: name },
    ],
  };
  const filters = [{ name, label: name, values: [{ value: name, label: name }] }];
  return renderHtml(report, { filters });
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

describe('renderHtml', () => {
  it('writes the sample', async () => {
    const html = renderHtml(SAMPLE_REPORT, { filters: FILTERS });
    await expect(markup(html)).toMatchFileSnapshot('golden/report.html');
  });

  it('allows its own style and script and nothing else', () => {
    const html = renderHtml(SAMPLE_REPORT);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
    const hash = (element: string): string => {
      const source = new RegExp(`<${element}>(.*)</${element}>`, 's').exec(html)?.[1] ?? '';
      expect(source).not.toBe('');
      return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
    };
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${hash('style')}`,
      `script-src ${hash('script')}`,
      "base-uri 'none'",
      "form-action 'none'",
    ]);
  });

  it('loads nothing and names no address', () => {
    const html = renderHtml(SAMPLE_REPORT, { filters: FILTERS });
    expect(html).not.toMatch(/https?:|url\(|@import|<link|<img|\ssrc=|\son[a-z]+=|\sstyle=/);
  });

  it('has a script that parses', () => {
    const source = /<script>(.*)<\/script>/s.exec(renderHtml(SAMPLE_REPORT))?.[1] ?? '';
    expect(() => new Script(source)).not.toThrow();
  });

  it('has no controls and no script without a table', () => {
    const html = renderHtml({ title: 'T', blocks: [{ kind: 'paragraph', text: 'x' }] });
    expect(html).not.toMatch(/<script|<form/);
  });

  it('marks what carries a tag with the indexes of its values', () => {
    const html = renderHtml(SAMPLE_REPORT, { filters: FILTERS });
    expect(html).toContain('<th scope="col" data-f1="1">6.12</th>');
    expect(html).toContain('<tr data-f0="0 1">');
    // A value that the filter does not offer: the cell carries the tag, and nothing selects it.
    expect(html).toContain('<td data-f2=""><span class="badge">recognized</span></td>');
  });

  it('filters only tables with tags, or all that have rows if none has tags', () => {
    const row = { cells: ['x'], tags: new Map([['kernel', ['6.1']]]) };
    const columns = [{ label: 'Name' }];
    const filters = FILTERS;
    const filtered = (...tables: readonly (readonly Row[])[]): readonly string[] => {
      const blocks = tables.map((rows) => ({ kind: 'table', columns, rows }) as const);
      return renderHtml({ title: 'T', blocks }, { filters }).match(/<table[^>]*>|<form/g) ?? [];
    };
    const plain = { cells: ['y'] };
    expect(filtered([plain], [row])).toEqual(['<table>', '<form', '<table data-filtered>']);
    expect(filtered([], [plain])).toEqual(['<table>', '<form', '<table data-filtered>']);
    expect(filtered([])).toEqual(['<table>']);
  });

  it.each(HOSTILE_NAMES)('writes the name %j as text wherever it stands', (name) => {
    const html = markup(everywhere(name));
    const plain = markup(everywhere('name'));
    for (const character of ['<', '>', '"']) {
      expect(count(html, character)).toBe(count(plain, character));
    }
  });

  it('has the same markup whatever the names are', () => {
    fc.assert(
      fc.property(hostileName, (name) => {
        expect(tagNames(everywhere(`a${name}`))).toEqual(tagNames(everywhere('a')));
      }),
    );
  });

  it('refuses filters of the same name and one that is called like the search', () => {
    const filter: Filter = { name: 'kernel', label: 'Kernel', values: [] };
    const report: Report = { title: 'T', blocks: [] };
    expect(() => renderHtml(report, { filters: [filter, filter] })).toThrow(RangeError);
    expect(() => renderHtml(report, { filters: [{ ...filter, name: 'q' }] })).toThrow(RangeError);
  });
});

/** All tags of a page with the names of their attributes, values left out. */
function tagNames(html: string): readonly string[] {
  return (markup(html).match(/<[^>]*>/g) ?? []).map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
}
