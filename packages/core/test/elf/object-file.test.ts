import { describe, expect, test } from 'vitest';
import { SHF_ALLOC, SHT_PROGBITS } from '../../src/elf/constants.ts';
import { parseObjectFile, type ObjectFile } from '../../src/elf/object-file.ts';
import { writeObjectFile } from '../../src/elf/writer.ts';
import { bigEndianObject, littleEndianObject } from './assembled-objects.ts';

/** Name, type, flags, offset, size, link, info, alignment and entry size, as `readelf -S` prints them. */
function sectionTable(object: ObjectFile): readonly (readonly (string | number)[])[] {
  return object.sections.map((section) => [
    section.name,
    section.type,
    Number(section.flags),
    section.offset,
    section.size,
    section.link,
    section.info,
    Number(section.alignment),
    Number(section.entrySize),
  ]);
}

describe('a little-endian object of the assembler', () => {
  const object = parseObjectFile(littleEndianObject(), 'little.o');

  test('has its header', () => {
    expect(object).toMatchObject({ file: 'little.o', byteOrder: 'little', type: 1, machine: 62, flags: 0 });
  });

  test('has its sections', () => {
    expect(sectionTable(object)).toEqual([
      ['', 0, 0, 0, 0, 0, 0, 0, 0],
      ['.text', 1, 6, 0x40, 0x8, 0, 0, 1, 0],
      ['.rela.text', 4, 0x40, 0xd8, 0x18, 8, 1, 8, 0x18],
      ['.data', 1, 3, 0x48, 0, 0, 0, 1, 0],
      ['.bss', 8, 3, 0x48, 0x18, 0, 0, 8, 0],
      ['.modinfo', 1, 2, 0x48, 0x22, 0, 0, 1, 0],
      ['__table', 1, 0x12, 0x6a, 0x10, 0, 0, 1, 8],
      ['.rela__table', 4, 0x40, 0xf0, 0x30, 8, 6, 8, 0x18],
      ['.symtab', 2, 0, 0x80, 0x48, 9, 1, 8, 0x18],
      ['.strtab', 3, 0, 0xc8, 0xd, 0, 0, 1, 0],
      ['.shstrtab', 3, 0, 0x120, 0x47, 0, 0, 1, 0],
    ]);
  });

  test('has its symbols', () => {
    const symbols = object.symbols();
    expect(
      [1, 2].map((index) => [symbols?.name(index), symbols?.binding(index), symbols?.type(index)]),
    ).toEqual([
      ['work', 1, 2],
      ['helper', 1, 0],
    ]);
  });

  test('has its relocations', () => {
    const section = object.section('.rela__table');
    const table = section === undefined ? undefined : object.relocations(section);
    const rows = [0, 1].map((at) => [
      table?.offset(at),
      table?.type(at),
      table?.symbol(at),
      table?.addend(at),
    ]);
    expect(rows).toEqual([
      [0, 1, 1, 0n],
      [8, 1, 2, 0x10n],
    ]);
  });
});

describe('a big-endian object of the assembler', () => {
  const object = parseObjectFile(bigEndianObject(), 'big.o');

  test('has its header', () => {
    expect(object).toMatchObject({ file: 'big.o', byteOrder: 'big', type: 1, machine: 22, flags: 0 });
  });

  test('has its sections', () => {
    expect(sectionTable(object)).toEqual([
      ['', 0, 0, 0, 0, 0, 0, 0, 0],
      ['.text', 1, 6, 0x40, 0x8, 0, 0, 4, 0],
      ['.rela.text', 4, 0x40, 0x150, 0x18, 8, 1, 8, 0x18],
      ['.data', 1, 3, 0x48, 0, 0, 0, 4, 0],
      ['.bss', 8, 3, 0x48, 0x18, 0, 0, 8, 0],
      ['.modinfo', 1, 2, 0x48, 0x22, 0, 0, 1, 0],
      ['__table', 1, 0x12, 0x6a, 0x10, 0, 0, 1, 8],
      ['.rela__table', 4, 0x40, 0x168, 0x30, 8, 6, 8, 0x18],
      ['.symtab', 2, 0, 0x80, 0xc0, 9, 6, 8, 0x18],
      ['.strtab', 3, 0, 0x140, 0xd, 0, 0, 1, 0],
      ['.shstrtab', 3, 0, 0x198, 0x47, 0, 0, 1, 0],
    ]);
  });

  test('has its symbols', () => {
    const symbols = object.symbols();
    expect(
      [5, 6, 7].map((index) => [symbols?.name(index), symbols?.binding(index), symbols?.type(index)]),
    ).toEqual([
      ['', 0, 3],
      ['work', 1, 2],
      ['helper', 1, 0],
    ]);
  });

  test('has its relocations', () => {
    const section = object.section('.rela.text');
    const table = section === undefined ? undefined : object.relocations(section);
    expect([table?.count, table?.offset(0), table?.type(0), table?.symbol(0), table?.addend(0)]).toEqual([
      1,
      4,
      5,
      7,
      -4n,
    ]);
  });
});

describe('an object file', () => {
  const empty = { machine: 62, byteOrder: 'little' } as const;

  test('is read from a part of a larger buffer', () => {
    const bytes = bigEndianObject();
    const larger = new Uint8Array(bytes.length + 20).fill(0xee);
    larger.set(bytes, 11);
    const object = parseObjectFile(larger.subarray(11, 11 + bytes.length));
    expect(object.section('.modinfo')?.bytes.length).toBe(0x22);
  });

  test('is not copied', () => {
    const bytes = littleEndianObject();
    expect(parseObjectFile(bytes).section('.text')?.bytes.buffer).toBe(bytes.buffer);
  });

  test('has a type, a machine and flags of any number', () => {
    const bytes = writeObjectFile({ ...empty, machine: 258, type: 0xfe00, flags: 0x8000_0001, sections: [] });
    expect(parseObjectFile(bytes)).toMatchObject({ machine: 258, type: 0xfe00, flags: 0x8000_0001 });
  });

  test('may have no section table', () => {
    const bytes = littleEndianObject().fill(0, 40, 48);
    expect(parseObjectFile(bytes).sections).toEqual([]);
  });

  test('may have no symbol table', () => {
    expect(parseObjectFile(writeObjectFile({ ...empty, sections: [] })).symbols()).toBeUndefined();
  });

  test('gives the first of the sections that share a name', () => {
    const sections = [1, 2].map((byte) => ({
      name: '.text',
      type: SHT_PROGBITS,
      bytes: Uint8Array.of(byte),
    }));
    expect(parseObjectFile(writeObjectFile({ ...empty, sections })).section('.text')?.bytes[0]).toBe(1);
  });

  test.each(['.nope', 'constructor', ''])('has no section %j', (name) => {
    const sections = [{ name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC }];
    expect(parseObjectFile(writeObjectFile({ ...empty, sections })).section(name)?.index ?? 0).toBe(0);
  });

  test('has relocations in SHT_RELA sections only', () => {
    const object = parseObjectFile(littleEndianObject());
    const holders = object.sections.filter((section) => object.relocations(section) !== undefined);
    expect(holders.map(({ name }) => name)).toEqual(['.rela.text', '.rela__table']);
  });

  test('reads its symbol table once', () => {
    const object = parseObjectFile(littleEndianObject());
    expect(object.symbols()).toBe(object.symbols());
  });
});
