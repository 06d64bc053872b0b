import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeTerminal, renderMarkdown, type Report } from '../src/index.ts';
import { HOSTILE_NAMES, hostileName } from './hostile-names.ts';
import { SAMPLE_REPORT } from './sample-report.ts';

function tableReport(rows: readonly (readonly string[])[], code: boolean): Report {
  return {
    title: 'T',
    blocks: [
      {
        kind: 'table',
        columns: rows[0]?.map((_, index) => ({ label: `c${index}` })) ?? [],
        rows: rows.map((names) => ({ cells: names.map((text) => ({ text, code })) })),
      },
    ],
  };
}

describe('renderMarkdown', () => {
  it('writes the sample', async () => {
    await expect(renderMarkdown(SAMPLE_REPORT)).toMatchFileSnapshot('golden/report.md');
  });

  it.each(HOSTILE_NAMES)('keeps the name %j in its cell', (name) => {
    for (const code of [false, true]) {
      expect(cells(renderMarkdown(tableReport([[name, 'next']], code)))).toEqual([
        [escapeTerminal(name).trim(), 'next'],
      ]);
    }
  });

  it('keeps rows, cells and their text, whatever the text is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(hostileName, hostileName, hostileName), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (rows, code) => {
          expect(cells(renderMarkdown(tableReport(rows, code)))).toEqual(
            rows.map((row) => row.map((text) => escapeTerminal(text).trim())),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('keeps every other text on its line', () => {
    fc.assert(
      fc.property(hostileName, hostileName, (first, second) => {
        const text = renderMarkdown({
          title: first,
          blocks: [
            { kind: 'heading', level: 2, text: second },
            { kind: 'paragraph', text: first },
            { kind: 'list', items: [first, { text: second, code: true }] },
            { kind: 'definitions', definitions: [{ term: first, value: second }] },
          ],
        });
        const lines = text.split('\n').filter((line) => line !== '');
        const starts = ['# ', '## ', ...(first === '' ? [] : ['']), '- ', '- ', '- **'];
        expect(lines).toHaveLength(starts.length);
        for (const [index, start] of starts.entries()) {
          expect(lines[index]?.startsWith(start.trimEnd())).toBe(true);
        }
      }),
    );
  });

  it('fences code with more backticks than the code has in a row', () => {
    const report: Report = { title: 'T', blocks: [{ kind: 'code', text: 'a\n````\nb' }] };
    expect(renderMarkdown(report)).toBe('# T\n\n`````\na\n````\nb\n`````\n');
  });
});

/**
 * Text of the cells below the header and delimiter rows, read by the rules of GitHub Flavored Markdown (section 4.10) and CommonMark
 * (2.4 backslash escapes, 2.5 entities, 6.1 code spans). Fails on anything that would be more than text.
 */
function cells(markdown: string): readonly (readonly string[])[] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => /^[| :-]+$/.test(line) && line.includes('-'));
  return lines.slice(start + 1).flatMap((line) => (line === '' ? [] : [splitCells(line)]));
}

function splitCells(line: string): readonly string[] {
  const inner = /^\|(.*)\|$/.exec(line)?.[1] ?? expect.unreachable(`no row: ${line}`);
  const parts = inner.match(/(?:\\.|[^|\\])+/g) ?? [];
  return parts.map((part) => plainText(part.trim()));
}

function plainText(cell: string): string {
  const code = /^`([^`]*)`$/.exec(cell)?.[1];
  if (code !== undefined) return code;
  const bare = cell.replaceAll(/\\[!-/:-@[-`{-~]/g, ',').replaceAll(/&(?:amp|lt|gt);/g, ',');
  expect(bare).not.toMatch(/[`*[\]<>&|~$\\]|:\/\/|www\./);
  expect(bare).not.toMatch(/(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])/);
  return cell
    .replaceAll(/\\([!-/:-@[-`{-~])/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
