import { describe, expect, test } from 'vitest';
import {
  SHF_ALLOC,
  SHN_ABS,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_SYMTAB_SHNDX,
  STB_GLOBAL,
} from '../../src/elf/constants.ts';
import { parseObjectFile, type ObjectFile } from '../../src/elf/object-file.ts';
import {
  writeObjectFile,
  type ObjectSpecification,
  type SectionSpecification,
} from '../../src/elf/writer.ts';

const base = { machine: 62, byteOrder: 'little' } as const;

function written(specification: Partial<ObjectSpecification>): ObjectFile {
  return parseObjectFile(writeObjectFile({ ...base, sections: [], ...specification }));
}

function withSections(...sections: readonly SectionSpecification[]): ObjectFile {
  return written({ sections });
}

describe('the header', () => {
  test.each([
    ['little', [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]],
    ['big', [0x7f, 0x45, 0x4c, 0x46, 2, 2, 1, 0]],
  ] as const)('starts with magic, class, byte order and version, %s endian', (byteOrder, start) => {
    expect([...writeObjectFile({ ...base, byteOrder, sections: [] }).subarray(0, 8)]).toEqual(start);
  });

  test('is of a relocatable file unless another type is given', () => {
    expect([written({}).type, written({ type: 3 }).type]).toEqual([1, 3]);
  });

  test('gives the size of header and section headers', () => {
    const view = new DataView(writeObjectFile({ ...base, sections: [] }).buffer);
    expect([view.getUint16(52, true), view.getUint16(58, true)]).toEqual([64, 64]);
  });
});

test('a file ends with its section table', () => {
  const bytes = writeObjectFile({ ...base, sections: [{ name: '.a', type: SHT_PROGBITS }] });
  expect(Number(new DataView(bytes.buffer).getBigUint64(40, true)) + 3 * 64).toBe(bytes.length);
});

test('the same specification gives the same bytes', () => {
  const specification = {
    ...base,
    sections: [{ name: '.a', type: SHT_PROGBITS }],
    symbols: [{ name: 'x', section: 1 }],
  };
  expect(writeObjectFile(specification)).toEqual(writeObjectFile(specification));
});

describe('sections', () => {
  test('have their position in the specification plus 1 for index', () => {
    const object = withSections({ name: '.a', type: SHT_PROGBITS }, { name: '.b', type: SHT_PROGBITS });
    expect([object.section('.a')?.index, object.section('.b')?.index]).toEqual([1, 2]);
  });

  test('are followed by symbol table, names and section names', () => {
    const object = written({ sections: [{ name: '.a', type: SHT_PROGBITS }], symbols: [] });
    expect(object.sections.map(({ name }) => name)).toEqual(['', '.a', '.symtab', '.strtab', '.shstrtab']);
  });

  test('without symbols are followed by section names only', () => {
    expect(withSections().sections.map(({ name }) => name)).toEqual(['', '.shstrtab']);
  });

  test('start at a multiple of their alignment', () => {
    const object = withSections(
      { name: '.a', type: SHT_PROGBITS, bytes: Uint8Array.of(1) },
      { name: '.b', type: SHT_PROGBITS, bytes: Uint8Array.of(2), alignment: 64 },
    );
    expect([object.section('.a')?.offset, object.section('.b')?.offset]).toEqual([64, 128]);
  });

  test('may have an alignment of 0, which means none', () => {
    const object = withSections(
      { name: '.a', type: SHT_PROGBITS, bytes: Uint8Array.of(1) },
      { name: '.b', type: SHT_PROGBITS, bytes: Uint8Array.of(2), alignment: 0 },
      { name: '.c', type: SHT_PROGBITS, bytes: Uint8Array.of(3) },
    );
    const contents = ['.a', '.b', '.c'].map((name) => object.section(name)?.bytes[0]);
    expect([object.section('.b')?.alignment, ...contents]).toEqual([0n, 1, 2, 3]);
  });

  test('of type NOBITS take no space, whatever bytes they are given', () => {
    const object = withSections(
      { name: '.bss', type: SHT_NOBITS, size: 100, bytes: Uint8Array.of(9, 9, 9) },
      { name: '.a', type: SHT_PROGBITS, bytes: Uint8Array.of(1, 2, 3) },
    );
    expect([object.section('.bss')?.size, object.section('.a')?.offset]).toEqual([100, 64]);
    expect([...(object.section('.a')?.bytes ?? [])]).toEqual([1, 2, 3]);
  });

  test('with bytes are as large as these, whatever size they are given', () => {
    const object = withSections({ name: '.a', type: SHT_PROGBITS, bytes: Uint8Array.of(1, 2), size: 5000 });
    expect(object.section('.a')?.size).toBe(2);
  });

  test('may share a name', () => {
    const object = withSections({ name: '.a', type: SHT_PROGBITS }, { name: '.a', type: SHT_PROGBITS });
    expect(object.sections.filter(({ name }) => name === '.a')).toHaveLength(2);
  });
});

describe('relocations', () => {
  const rela = {
    name: '.rela.text',
    type: SHT_RELA,
    info: 1,
    relocations: [{ offset: 4, type: 2, symbol: 1, addend: -4n }],
  };

  test('name the symbol table in sh_link', () => {
    const object = written({ sections: [rela], symbols: [{ name: 'x', section: 1 }] });
    expect(object.section('.rela.text')?.link).toBe(object.section('.symtab')?.index);
  });

  test('name another section where one is given', () => {
    expect(withSections({ ...rela, link: 77 }).section('.rela.text')?.link).toBe(77);
  });

  test('name none where there is no symbol table', () => {
    expect(withSections(rela).section('.rela.text')?.link).toBe(0);
  });

  test('have entries of 24 bytes at multiples of 8', () => {
    const section = withSections(rela).section('.rela.text');
    expect([section?.entrySize, section?.alignment, section?.size]).toEqual([24n, 8n, 24]);
  });

  test('start at a multiple of 8', () => {
    const odd = { name: '.a', type: SHT_PROGBITS, bytes: Uint8Array.of(1) };
    expect(withSections(odd, rela).section('.rela.text')?.offset).toBe(72);
  });

  test('may be given as bytes', () => {
    const object = withSections({ name: '.rela.text', type: SHT_RELA, bytes: new Uint8Array(48) });
    expect(object.section('.rela.text')?.size).toBe(48);
  });
});

describe('symbols', () => {
  test('are counted in sh_info as far as they are local', () => {
    const symbols = [
      { name: 'a', section: 1 },
      { name: 'b', section: 1 },
      { name: 'c', section: 1, binding: STB_GLOBAL },
    ];
    expect(written({ symbols }).section('.symtab')?.info).toBe(3);
  });

  test('must have the local ones first', () => {
    const symbols = [
      { name: 'a', section: 1, binding: STB_GLOBAL },
      { name: 'b', section: 1 },
    ];
    expect(() => writeObjectFile({ ...base, sections: [], symbols })).toThrow(
      expect.objectContaining({ code: 'elf/symbol-order' }),
    );
  });

  test('need an extended table only for section 65,280 and beyond', () => {
    const tables = [0xfeff, 0xff00].map((section) => written({ symbols: [{ name: 'a', section }] }));
    expect(tables.map(({ sections }) => sections.some(({ type }) => type === SHT_SYMTAB_SHNDX))).toEqual([
      false,
      true,
    ]);
  });

  test('with a reserved index need no extended table', () => {
    const object = written({ symbols: [{ name: 'a', section: SHN_ABS, reserved: true }] });
    expect([object.symbols()?.rawSectionIndex(1), object.section('.symtab_shndx')]).toEqual([
      SHN_ABS,
      undefined,
    ]);
  });
});

describe('e_shnum and e_shstrndx', () => {
  // The null section and .shstrtab come on top.
  test.each([
    [65_277, [65_279, 65_278]],
    [65_278, [0, 65_279]],
    [65_279, [0, 0xffff]],
  ])('of a file of %d sections are %o', (count, expected) => {
    const sections = Array.from({ length: count }, () => ({ name: '.a', type: SHT_PROGBITS }));
    const bytes = writeObjectFile({ ...base, sections });
    const view = new DataView(bytes.buffer);
    expect([view.getUint16(60, true), view.getUint16(62, true)]).toEqual(expected);
    expect(parseObjectFile(bytes).sections.at(-1)?.name).toBe('.shstrtab');
  });
});

describe.each(['little', 'big'] as const)('a file of 65,300 sections, %s endian', (byteOrder) => {
  const sections = Array.from({ length: 65_300 }, (_, index) => ({
    name: `.text.${index + 1}`,
    type: SHT_PROGBITS,
    flags: SHF_ALLOC,
    bytes: Uint8Array.of(index & 0xff),
  }));
  const symbols = [
    { name: 'low', section: 5 },
    { name: 'high', section: 65_290, value: 7n },
    { name: 'absolute', section: SHN_ABS, reserved: true },
  ];
  const bytes = writeObjectFile({ ...base, byteOrder, sections, symbols });
  const object = parseObjectFile(bytes);

  test('holds 0 and SHN_XINDEX in its header', () => {
    const view = new DataView(bytes.buffer);
    const little = byteOrder === 'little';
    expect([view.getUint16(60, little), view.getUint16(62, little)]).toEqual([0, 0xffff]);
  });

  test('has all of its sections, the null section and four tables', () => {
    expect(object.sections).toHaveLength(65_300 + 1 + 4);
  });

  test('has the name and the bytes of a section beyond 65,280', () => {
    const section = object.sections[65_290];
    expect([section?.name, section?.bytes[0]]).toEqual(['.text.65290', 65_289 & 0xff]);
  });

  test('has symbols that are defined in section 65,290', () => {
    const table = object.symbols();
    expect([1, 2, 3].map((index) => [table?.name(index), table?.sectionIndex(index)])).toEqual([
      ['low', 5],
      ['high', 65_290],
      ['absolute', undefined],
    ]);
  });
});
