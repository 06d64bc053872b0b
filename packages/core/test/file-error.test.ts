import { describe, expect, test } from 'vitest';
import { KelpError } from '../src/errors.ts';
import { fileError } from '../src/file-error.ts';

describe('fileError', () => {
  test('leaves a KelpError what it is', () => {
    const error = new KelpError('elf/truncated', 'the file is empty');
    expect(fileError(error, 'a.ko')).toBe(error);
  });

  test('keeps the cause', () => {
    const cause = Object.assign(new Error('EPERM'), { code: 'EPERM' });
    expect(fileError(cause, 'a.ko')).toMatchObject({ code: 'file/permission', cause });
  });

  test('takes anything that is thrown', () => {
    expect(fileError('out of luck', 'a.ko')).toMatchObject({
      code: 'file/unreadable',
      message: 'out of luck',
    });
  });
});
