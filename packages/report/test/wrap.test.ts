import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../src/display-width.ts';
import { wrapLine } from '../src/wrap.ts';
import { hostileName } from './hostile-names.ts';

function wrapped(text: string, width: number): readonly string[] {
  return wrapLine(text, width).map(({ start, end }) => text.slice(start, end));
}

describe('wrapLine', () => {
  it.each([
    ['', 5, ['']],
    ['one two', 7, ['one two']],
    ['one two', 6, ['one', 'two']],
    ['one  two ', 3, ['one', 'two']],
    ['abcdefgh', 3, ['abc', 'def', 'gh']],
    ['a bcdefgh', 3, ['a', 'bcd', 'efg', 'h']],
    ['\u4e2d\u6587', 3, ['\u4e2d', '\u6587']],
    ['\u4e2d', 1, ['\u4e2d']],
  ])('breaks %j at %i into %j', (text, width, lines) => {
    expect(wrapped(text, width)).toEqual(lines);
  });

  it('loses only spaces and keeps to the width', () => {
    fc.assert(
      fc.property(hostileName, fc.integer({ min: 2, max: 30 }), (text, width) => {
        const lines = wrapped(text, width);
        expect(lines.join('').replaceAll(/\s/g, '')).toBe(text.replaceAll(/\s/g, ''));
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
