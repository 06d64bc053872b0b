import { describe, expect, test } from 'vitest';
import { SHT_PROGBITS, SHT_RELA } from '../../src/elf/constants.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import type { RelocationTable } from '../../src/elf/relocation-table.ts';
import { writeObjectFile, type RelocationSpecification } from '../../src/elf/writer.ts';

function tableOf(
  relocations: readonly RelocationSpecification[],
  byteOrder: 'little' | 'big',
): RelocationTable {
  const sections = [
    { name: '.text', type: SHT_PROGBITS },
    { name: '.rela.text', type: SHT_RELA, info: 1, relocations },
  ];
  const object = parseObjectFile(writeObjectFile({ machine: 62, byteOrder, sections }));
  const section = object.section('.rela.text');
  const table = section === undefined ? undefined : object.relocations(section);
  if (table === undefined) throw new Error('the file lost its relocations');
  return table;
}

describe.each(['little', 'big'] as const)('%s endian', (order) => {
  const table = tableOf(
    [
      { offset: 0x10, type: 2, symbol: 3, addend: -4n },
      { offset: 2 ** 53 - 1, type: 0xffff_ffff, symbol: 0x8000_0001, addend: -(2n ** 63n) },
    ],
    order,
  );

  test('the records are counted', () => {
    expect(table.count).toBe(2);
  });

  test('the target is sh_info, and the section holds the records', () => {
    expect([table.target, table.section.name]).toEqual([1, '.rela.text']);
  });

  test('offsets are exact', () => {
    expect([table.offset(0), table.offset(1)]).toEqual([0x10, 2 ** 53 - 1]);
  });

  test('type and symbol are the halves of r_info, unsigned', () => {
    expect([0, 1].map((index) => [table.type(index), table.symbol(index)])).toEqual([
      [2, 3],
      [0xffff_ffff, 0x8000_0001],
    ]);
  });

  test('addends are signed and exact', () => {
    expect([table.addend(0), table.addend(1)]).toEqual([-4n, -(2n ** 63n)]);
  });
});

test('an offset of 2^53 or more is refused', () => {
  const bytes = writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [{ name: '.rela', type: SHT_RELA, bytes: new Uint8Array(24).fill(0x20, 6, 7) }],
  });
  const object = parseObjectFile(bytes, 'a.ko');
  const table = object.sections[1] === undefined ? undefined : object.relocations(object.sections[1]);
  expect(() => table?.offset(0)).toThrow(expect.objectContaining({ code: 'elf/too-large', file: 'a.ko' }));
});

test('an empty section has no records', () => {
  expect(tableOf([], 'little').count).toBe(0);
});
