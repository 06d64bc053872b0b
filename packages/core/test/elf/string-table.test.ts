import { describe, expect, test } from 'vitest';
import { SHT_PROGBITS, SHT_STRTAB } from '../../src/elf/constants.ts';
import { identifyContainer } from '../../src/elf/container.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import { StringTable } from '../../src/elf/string-table.ts';
import { writeObjectFile } from '../../src/elf/writer.ts';

/** A table of the bytes given, which are section 2 of a file. */
function tableOf(bytes: Uint8Array): StringTable {
  const file = writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      { name: '.text', type: SHT_PROGBITS },
      { name: '.strtab', type: SHT_STRTAB, bytes },
    ],
  });
  const section = parseObjectFile(file).sections[2];
  if (section === undefined) throw new Error('the file lost its string table');
  return new StringTable(identifyContainer(file, undefined), section, 'a.ko');
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a string table', () => {
  test('gives the name that starts at an offset', () => {
    const table = tableOf(encode('\0.text\0.rela.text\0'));
    expect([0, 1, 7, 12].map((offset) => table.at(offset))).toEqual(['', '.text', '.rela.text', '.text']);
  });

  test('gives the empty name at its last byte', () => {
    expect(tableOf(encode('\0.text\0')).at(6)).toBe('');
  });

  test('may be empty and has the empty name then', () => {
    expect(tableOf(new Uint8Array()).at(0)).toBe('');
  });

  test.each([7, 100, 0xffff_ffff])('has no name at %d, which lies outside', (offset) => {
    expect(() => tableOf(encode('\0.text\0')).at(offset)).toThrow(
      expect.objectContaining({ code: 'elf/name-offset', file: 'a.ko', section: '[2]', offset }),
    );
  });

  test('has no name outside of an empty table', () => {
    expect(() => tableOf(new Uint8Array()).at(1)).toThrow(
      expect.objectContaining({ code: 'elf/name-offset' }),
    );
  });

  test('must end in NUL', () => {
    expect(() => tableOf(encode('\0.text'))).toThrow(
      expect.objectContaining({ code: 'elf/unterminated-names', file: 'a.ko', section: '[2]', offset: 6 }),
    );
  });

  test('takes names of 4,096 bytes', () => {
    expect(tableOf(encode(`${'n'.repeat(4096)}\0`)).at(0)).toHaveLength(4096);
  });

  test('refuses names that are longer, before they are read', () => {
    expect(() => tableOf(encode(`\0${'n'.repeat(4097)}\0`)).at(1)).toThrow(
      expect.objectContaining({ code: 'elf/name-length', file: 'a.ko', section: '[2]', offset: 1 }),
    );
  });
});
