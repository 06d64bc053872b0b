import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, escapeMarkdown, escapeMarkdownInline, escapeTerminal } from '../src/index.ts';
import { hostileName } from './hostile-names.ts';

describe('escapeTerminal', () => {
  it.each([
    ['R_X86_64_PC32', 'R_X86_64_PC32'],
    ['\u001b[31m', String.raw`\x1b[31m`],
    ['\u009b2J', String.raw`\x9b2J`],
    ['a\nb\tc\u0000', String.raw`a\x0ab\x09c\x00`],
    ['\u202egnp', String.raw`\u202egnp`],
    ['\u200b\ufeff\u2028', String.raw`\u200b\ufeff\u2028`],
    ['\u{e0041}', String.raw`\u{e0041}`],
    ['\ud800', String.raw`\ud800`],
    ['\ufdd0\ue000', String.raw`\ufdd0\ue000`],
    ['\u00a0', String.raw`\xa0`],
    ['\u{1f600} \u4e2d', '\u{1f600} \u4e2d'],
    [String.raw`.text\.foo`, String.raw`.text\.foo`],
    [String.raw`\x1b`, String.raw`\\x1b`],
    [String.raw`\\`, String.raw`\\\ `.trimEnd()],
  ])('%j becomes %j', (name, escaped) => {
    expect(escapeTerminal(name)).toBe(escaped);
  });

  it('leaves nothing invisible and can be undone', () => {
    fc.assert(
      fc.property(hostileName, (name) => {
        const escaped = escapeTerminal(name);
        expect(escaped).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\s/u);
        expect(unescapeTerminal(escaped)).toBe(name);
      }),
    );
  });
});

describe('escapeHtml', () => {
  it.each([
    ['<b title="x">\'&amp;', '&lt;b title=&quot;x&quot;&gt;&#39;&amp;amp;'],
    ['\u202e<', String.raw`\u202e&lt;`],
    ['__proto__', '__proto__'],
  ])('%j becomes %j', (name, escaped) => {
    expect(escapeHtml(name)).toBe(escaped);
  });

  it('leaves no character of markup', () => {
    fc.assert(
      fc.property(hostileName, (name) => {
        expect(escapeHtml(name).replace(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toMatch(/[<>"'&]/);
      }),
    );
  });
});

describe('escapeMarkdown', () => {
  it.each([
    ['R_X86_64_PC32', 'R_X86_64_PC32'],
    ['__bug_table', String.raw`\_\_bug_table`],
    ['a|b', String.raw`a\|b`],
    [String.raw`\|`, String.raw`\\\|`],
    ['`x` *y* ~z~ $w$', '\\`x\\` \\*y\\* \\~z\\~ \\$w\\$'],
    ['[a](b)', String.raw`\[a\](b)`],
    ['<i>&amp;', '&lt;i&gt;&amp;amp;'],
    ['http://x www.x', String.raw`http\://x www\.x`],
    ['\n', String.raw`\\x0a`],
  ])('%j becomes %j anywhere in a line', (name, escaped) => {
    expect(escapeMarkdownInline(name)).toBe(escaped);
    expect(escapeMarkdown(name)).toBe(escaped);
  });

  it.each([
    ['# x', String.raw`\# x`],
    ['- x', String.raw`\- x`],
    ['+', String.raw`\+`],
    ['===', String.raw`\===`],
    ['12. x', String.raw`12\. x`],
    ['1) x', String.raw`1\) x`],
    ['    x', '&#32;&#32;&#32;&#32;x'],
    ['x ##', String.raw`x \##`],
    ['#', String.raw`\#`],
  ])('%j becomes %j at the beginning or end of a line', (name, escaped) => {
    expect(escapeMarkdown(name)).toBe(escaped);
  });
});

/** Reads escape sequences back, from their description alone. */
function unescapeTerminal(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]+)\}|(\\))/g,
    (_, byte?: string, unit?: string, point?: string) => {
      const digits = byte ?? unit ?? point;
      return digits === undefined ? '\\' : String.fromCodePoint(Number.parseInt(digits, 16));
    },
  );
}
