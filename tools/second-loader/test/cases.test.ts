import { expect, test } from 'vitest';
import { bytesOf } from '../src/cases.ts';

test('a memory is zero where nothing is listed', () => {
  const bytes = [
    [2, '0102'],
    [7, 'ff'],
  ] as const;
  expect(bytesOf({ address: '0x1000', size: 8, bytes })).toEqual(Uint8Array.of(0, 0, 1, 2, 0, 0, 0, 0xff));
});
