import { describe, expect, test } from 'vitest';
import {
  SHN_ABS,
  SHN_COMMON,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  SHT_PROGBITS,
  STB_GLOBAL,
  STB_WEAK,
  STT_FUNC,
} from '../../src/elf/constants.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import type { SymbolTable } from '../../src/elf/symbol-table.ts';
import { writeObjectFile, type SymbolSpecification } from '../../src/elf/writer.ts';
import { bigEndianObject } from './assembled-objects.ts';

function tableOf(
  symbols: readonly SymbolSpecification[],
  byteOrder: 'little' | 'big' = 'little',
): SymbolTable {
  const sections = [{ name: '.text', type: SHT_PROGBITS }];
  const table = parseObjectFile(
    writeObjectFile({ machine: 62, byteOrder, sections, symbols }),
    'a.ko',
  ).symbols();
  if (table === undefined) throw new Error('the file lost its symbols');
  return table;
}

test('a symbol of the assembler is read as readelf prints it', () => {
  const table = parseObjectFile(bigEndianObject()).symbols();
  const work = [
    table?.value(6),
    table?.size(6),
    table?.binding(6),
    table?.type(6),
    table?.other(6),
    table?.sectionIndex(6),
  ];
  expect(work).toEqual([0n, 8n, STB_GLOBAL, STT_FUNC, 0, 1]);
});

describe.each(['little', 'big'] as const)('%s endian', (order) => {
  const table = tableOf(
    [
      { name: 'local', section: 1 },
      {
        name: 'work',
        section: 1,
        value: 0xc008_0000_0123_4567n,
        size: 0xffff_ffff_ffff_ffffn,
        binding: STB_WEAK,
        type: STT_FUNC,
        other: 0x60,
      },
    ],
    order,
  );

  test('the null symbol counts', () => {
    expect(table.count).toBe(3);
  });

  test('value and size are exact', () => {
    expect([table.value(2), table.size(2)]).toEqual([0xc008_0000_0123_4567n, 0xffff_ffff_ffff_ffffn]);
  });

  test('binding, type and st_other are told apart', () => {
    expect([table.binding(2), table.type(2), table.other(2)]).toEqual([STB_WEAK, STT_FUNC, 0x60]);
  });

  test('names are resolved', () => {
    expect([0, 1, 2].map((index) => table.name(index))).toEqual(['', 'local', 'work']);
  });
});

describe('the section of a symbol', () => {
  const global = { name: 'x', binding: STB_GLOBAL };
  const reserved = { ...global, reserved: true };
  const rows = [
    { what: 'an ordinary one', symbol: { ...global, section: 1 }, index: 1, external: false },
    { what: 'SHN_UNDEF', symbol: { ...global, section: SHN_UNDEF }, index: undefined, external: true },
    {
      what: 'the first reserved one',
      symbol: { ...reserved, section: SHN_LORESERVE },
      index: undefined,
      external: false,
    },
    { what: 'SHN_ABS', symbol: { ...reserved, section: SHN_ABS }, index: undefined, external: false },
    { what: 'SHN_COMMON', symbol: { ...reserved, section: SHN_COMMON }, index: undefined, external: false },
    {
      what: 'SHN_LIVEPATCH',
      symbol: { ...reserved, section: SHN_LIVEPATCH },
      index: undefined,
      external: true,
    },
    {
      what: 'the last that needs no extension',
      symbol: { ...global, section: 0xfeff },
      index: 0xfeff,
      external: false,
    },
    {
      what: 'the first that needs one',
      symbol: { ...global, section: SHN_LORESERVE },
      index: 0xff00,
      external: false,
    },
    {
      what: 'one with the number of SHN_ABS',
      symbol: { ...global, section: SHN_ABS },
      index: 0xfff1,
      external: false,
    },
    { what: 'one far beyond', symbol: { ...global, section: 0x12_3456 }, index: 0x12_3456, external: false },
  ];

  test.each(rows)('$what', ({ symbol, index, external }) => {
    const table = tableOf([symbol]);
    expect([table.sectionIndex(1), table.isExternal(1)]).toEqual([index, external]);
  });

  test('stands in the entry as SHN_XINDEX where it needs an extension', () => {
    const table = tableOf([{ ...global, section: SHN_LORESERVE }]);
    expect(table.rawSectionIndex(1)).toBe(SHN_XINDEX);
  });

  test('is not known where the extension is missing', () => {
    expect(tableOf([{ ...reserved, section: SHN_XINDEX }]).sectionIndex(1)).toBeUndefined();
  });

  test('of symbol 0 is none, and it is not external', () => {
    const table = tableOf([]);
    expect([table.sectionIndex(0), table.isExternal(0)]).toEqual([undefined, false]);
  });
});

describe.each([-1, 2, 0xffff_ffff])('there is no symbol %d in a table of 2:', (index) => {
  const table = tableOf([{ name: 'x', section: 1 }]);

  test.each([
    'name',
    'value',
    'size',
    'binding',
    'type',
    'other',
    'rawSectionIndex',
    'sectionIndex',
  ] as const)('%s', (member) => {
    expect(() => table[member](index)).toThrow(
      expect.objectContaining({ code: 'elf/symbol-index', file: 'a.ko' }),
    );
  });
});
