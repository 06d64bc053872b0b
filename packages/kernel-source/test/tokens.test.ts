import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenize } from '../src/c/tokens.ts';

const texts = (source: string): readonly string[] => tokenize(source).map(({ text }) => text);

describe('tokens of C', () => {
  test('are words, numbers, operators, strings and characters, without comments', () => {
    expect(texts(`a->b += 0x1f /* c, "d */ ; // e\n'\\'' "f\\"/*g*/"`)).toEqual([
      'a',
      '->',
      'b',
      '+=',
      '0x1f',
      ';',
      "\\'",
      'f\\"/*g*/',
    ]);
  });

  test('know their lines, over continued lines and comments too', () => {
    const tokens = tokenize('a \\\n b\n/* \n */ c\n  d');
    expect(tokens.map(({ text, line, column }) => [text, line, column])).toEqual([
      ['a', 1, 1],
      ['b', 2, 2],
      ['c', 4, 5],
      ['d', 5, 3],
    ]);
  });

  test('hold a preprocessor line as one, with its continuation and without its comments', () => {
    const [first, second] = tokenize('#define A(x) \\\n\tdo { \\\n\t} while (0) /* over\nlines */\nb');
    expect(first).toMatchObject({
      kind: 'directive',
      text: '#define A(x) do { } while (0)',
      line: 1,
      endLine: 4,
    });
    expect(second).toMatchObject({ text: 'b', line: 5 });
    expect(texts('a # b')).toEqual(['a', '#', 'b']);
  });

  test('of an apostrophe in a preprocessor line or a comment open no character', () => {
    expect(texts("#error don't\n// don't\n/* don't */ a")).toEqual(["#error don't", 'a']);
  });

  test.each([
    ['a comment', 'a /* b'],
    ['a string', 'a "b'],
    ['a character constant', "a 'b\n"],
    ['a comment', '#if 1 /* b'],
  ])('that end within %s are an error with its line', (what, source) => {
    const error = { code: 'source/truncated', message: `line 1: the file ends within ${what}` };
    expect(() => tokenize(source, 'a.c')).toThrow(expect.objectContaining(error));
  });

  test('cover every character that is neither blank nor comment', () => {
    const piece = constantFrom(
      'a',
      '1',
      '->',
      '{',
      '}',
      '"s"',
      "'c'",
      ' ',
      '\t',
      '(',
      '/* x */',
      '<<=',
      '\\\n',
    );
    assert(
      property(array(piece), (pieces) => {
        const source = pieces.join(' ');
        const written = tokenize(source).map(({ kind, text }) =>
          kind === 'string' ? `"${text}"` : kind === 'character' ? `'${text}'` : text,
        );
        const bare = source.replace(/\/\* x \*\/|\\\n|\s/gu, '');
        expect(written.join('')).toBe(bare);
      }),
    );
  });
});
