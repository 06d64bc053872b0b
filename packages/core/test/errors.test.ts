import { expect, test } from 'vitest';
import { isKelpError, KelpError } from '../src/errors.ts';

test('an error carries its code, message and place', () => {
  const error = new KelpError('elf/truncated', 'the file is empty', {
    file: 'a.ko',
    section: '.text',
    offset: 4,
  });
  expect(error).toMatchObject({
    name: 'KelpError',
    code: 'elf/truncated',
    message: 'the file is empty',
    file: 'a.ko',
    section: '.text',
    offset: 4,
  });
});

test('the parts of a place that are not known are undefined', () => {
  const { file, section, offset } = new KelpError('elf/truncated', 'the file is empty');
  expect([file, section, offset]).toEqual([undefined, undefined, undefined]);
});

test('an error keeps its cause', () => {
  const cause = new Error('ENOENT');
  expect(new KelpError('file/not-found', 'no such file', {}, { cause }).cause).toBe(cause);
});

test('an error of another copy of the package is recognized', () => {
  const foreign = Object.assign(new Error('the file is empty'), { name: 'KelpError', code: 'elf/truncated' });
  expect(isKelpError(foreign)).toBe(true);
});

test.each([
  ['another error', new Error('no')],
  ['an error with a code of its own', Object.assign(new Error('no'), { code: 'ENOENT' })],
  ['an error without a code', Object.assign(new Error('no'), { name: 'KelpError' })],
  ['an error whose code is no text', Object.assign(new Error('no'), { name: 'KelpError', code: 1 })],
  ['a plain object', { name: 'KelpError', code: 'elf/truncated' }],
  ['nothing', undefined],
])('%s is not recognized', (_what, value) => {
  expect(isKelpError(value)).toBe(false);
});
