import * as fc from 'fast-check';

/** Names as a file could carry them to mislead a reader or to break out of a format. */
export const HOSTILE_NAMES: readonly string[] = [
  '<script>alert(1)</script>',
  '</td></tr></table><img src=x onerror=alert(1)>',
  "\"><b onclick='x'>",
  '&lt;b&gt;',
  'a|b',
  String.raw`a\|b`,
  String.raw`\\|`,
  '`code`',
  '``` \n```',
  '**bold** _it_ ~~gone~~ __init__',
  '[text](javascript:alert(1)) ![i](http://example.org/i.png)',
  'http://example.org www.example.org',
  '$a$ # 1. - + =',
  '\u001b[31mred\u001b[0m',
  '\u001b]8;;http://example.org\u0007link\u001b]8;;\u0007',
  '\u009b2J',
  '\u202egnp.tset',
  '\u2066isolated\u2069\u200b\ufeff',
  'two\nlines',
  'cr\r\nlf\ttab\u2028line\u2029paragraph',
  'nul\u0000',
  '\ud800 lone \udc00',
  '__proto__',
  'constructor',
  'x'.repeat(500),
  '\u4e2d\u6587 \u{1f600}',
  '',
  ' ',
  '  padded  ',
];

/** Any string, with what the formats give a meaning to more often than chance would have it. */
export const hostileName: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...Array.from('|\\`*_~[](){}<>&#!+-.=:/$@"\' \n\r\t0aA'),
        '\u001b[0m',
        '\u202e',
        'http://',
        'www.',
        '&amp;',
        '<b>',
      ),
      fc.constantFrom(...HOSTILE_NAMES),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));
