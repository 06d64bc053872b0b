import { expect, test } from 'vitest';
import { describeError } from '../src/describe-error.ts';

const error = { code: 'elf/section-table', message: 'e_shentsize is 3, expected 64' };

test.each([
  [{}, ''],
  [{ file: 'a.ko' }, 'a.ko: '],
  [{ file: 'a.ko', section: '.text' }, 'a.ko: section .text: '],
  [{ file: 'a.ko', section: '.text', offset: 255 }, 'a.ko: section .text: offset 0xff: '],
  [{ file: 'a.ko', offset: 0 }, 'a.ko: offset 0x0: '],
  [{ file: 'a\u001b[2J\n.ko', section: '.te\u0007xt' }, String.raw`a\x1b[2J\x0a.ko: section .te\x07xt: `],
])('%j', (place, words) => {
  expect(describeError({ ...error, ...place })).toBe(
    `${words}e_shentsize is 3, expected 64 (elf/section-table)`,
  );
});
