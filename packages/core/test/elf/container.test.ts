import { describe, expect, test } from 'vitest';
import { identifyContainer, readIdentity } from '../../src/elf/container.ts';
import { bigEndianObject, littleEndianObject } from './assembled-objects.ts';

/** The little-endian object with one byte changed. */
function changed(at: number, byte: number): Uint8Array {
  const bytes = littleEndianObject();
  bytes[at] = byte;
  return bytes;
}

describe('identifyContainer', () => {
  test('tells the byte order', () => {
    expect(identifyContainer(littleEndianObject(), undefined).byteOrder).toBe('little');
    expect(identifyContainer(bigEndianObject(), undefined).byteOrder).toBe('big');
  });

  test('takes a Uint8Array that is a part of a larger buffer', () => {
    const object = bigEndianObject();
    const larger = new Uint8Array(object.length + 10);
    larger.set(object, 7);
    expect(identifyContainer(larger.subarray(7, 7 + object.length), undefined).byteOrder).toBe('big');
  });

  test('resolves names up to the next NUL', () => {
    const { nameAt } = identifyContainer(littleEndianObject(), undefined);
    const strings = new TextEncoder().encode('\0first\0größe\0');
    expect([0, 1, 3, 7].map((offset) => nameAt(strings, offset))).toEqual(['', 'first', 'rst', 'größe']);
  });

  test.each([
    ['an empty file', new Uint8Array(), 'elf/truncated', 0],
    ['a file that is no ELF', new TextEncoder().encode('#!/bin/sh\n'), 'elf/not-elf', 0],
    ['a part of the magic', Uint8Array.of(0x7f, 0x45), 'elf/not-elf', 0],
    ['a header that ends early', littleEndianObject().subarray(0, 63), 'elf/truncated', 63],
    ['a 32-bit file', changed(4, 1), 'elf/wrong-class', 4],
    ['an unknown class', changed(4, 3), 'elf/wrong-class', 4],
    ['no byte order', changed(5, 0), 'elf/byte-order', 5],
    ['an unknown byte order', changed(5, 3), 'elf/byte-order', 5],
  ])('refuses %s', (_what, bytes, code, offset) => {
    expect(() => identifyContainer(bytes, 'a.ko')).toThrow(
      expect.objectContaining({ code, file: 'a.ko', offset }),
    );
  });
});

test.each([0, 1, 2, 3])('a file with another byte %d is no ELF file', (at) => {
  expect(() => identifyContainer(changed(at, 0x20), 'a.ko')).toThrow(
    expect.objectContaining({ code: 'elf/not-elf' }),
  );
});

describe('readIdentity', () => {
  test('tells machine and byte order', () => {
    expect(readIdentity(littleEndianObject())).toEqual({ machine: 62, byteOrder: 'little' });
    expect(readIdentity(bigEndianObject())).toEqual({ machine: 22, byteOrder: 'big' });
  });

  test('tells them of a file that ends behind its header', () => {
    expect(readIdentity(bigEndianObject().subarray(0, 64))).toEqual({ machine: 22, byteOrder: 'big' });
  });

  test.each([
    ['that ends inside its header', littleEndianObject().subarray(0, 20)],
    ['that is empty', new Uint8Array()],
    ['of 32 bits', changed(4, 1)],
  ])('tells nothing of a file %s', (_what, bytes) => {
    expect(readIdentity(bytes)).toBeUndefined();
  });
});
