import { describe, expect, test } from 'vitest';
import { compareFacts, moduleFacts } from '../src/facts.ts';
import type { ReadelfOutput } from '../src/readelf-output.ts';
import { createReadelfReader } from '../src/readelf-output.ts';

const SECTIONS = `There are 8 section headers, starting at offset 0x2000:

Section Headers:
  [Nr] Name
       Type            Address          Off    Size   ES   Lk Inf Al
       Flags
  [ 0] 
       NULL            0000000000000000 000000 000000 00   0   0  0
       [0000000000000000]: 
  [ 1] .text
       PROGBITS        0000000000000000 000040 000120 00   0   0  8
       [0000000000000006]: ALLOC, EXEC
  [ 2] .rela.text
       RELA            0000000000000000 001000 000048 18   7   1  8
       [0000000000000040]: INFO LINK
  [ 3] .debug_info
       PROGBITS        0000000000000000 000160 000010 00   0   0  1
       [0000000000000000]: 
  [ 4] .rela.debug_info
       RELA            0000000000000000 001048 000018 18   7   3  8
       [0000000000000040]: INFO LINK
  [ 5] .klp.rela.ext4.debug name
       RELA            0000000000000000 001060 000018 18   7   3  8
       [0000000000100040]: INFO LINK, OS (0000000000100000)
  [ 6] .text
       LOOS+0xffffff7  0000000000000000 000170 1000000 00   0   0  8
       [0000000000000002]: ALLOC
  [ 7] .symtab
       SYMTAB          0000000000000000 001100 000090 18   0   4  8
       [0000000000000000]: 
`;

const RELOCATIONS = `
Relocation section '.rela.text' at offset 0x1000 contains 3 entries:
    Offset             Info             Type               Symbol's Value  Symbol's Name + Addend
0000000000000018  00001e930000001a R_390_GOTENT           000000000000a290 sym + 2
0000000000000020  000000020000001a R_390_GOTENT           0000000000000000 .data + 2
0000000000000028  0000000200000014 R_390_PLT32DBL         0000000000000000 f + 2

Relocation section '.rela.debug_info' at offset 0x1048 contains 1 entry:
    Offset             Info             Type               Symbol's Value  Symbol's Name + Addend
0000000000000000  0000000200000016 R_390_64               0000000000000000 .text + 0

Relocation section '.klp.rela.ext4.debug name' at offset 0x1060 contains 1 entry:
    Offset             Info             Type               Symbol's Value  Symbol's Name + Addend
0000000000000008  0000000200000404 R_AARCH64_TLSLE_LDST128_TPREL_LO12_NC 0000000000000000 x + 0
`;

function read(text: string): ReadelfOutput {
  const reader = createReadelfReader();
  for (const line of text.split('\n')) reader.line(line);
  return reader.end();
}

describe('section headers', () => {
  const { sections } = read(SECTIONS);

  test('all of them, with flags as a number', () => {
    expect(sections).toHaveLength(8);
    expect(sections[5]).toEqual({
      index: 5,
      name: '.klp.rela.ext4.debug name',
      type: 'RELA',
      offset: 0x1060,
      size: 0x18,
      flags: 0x100040n,
      info: 3,
    });
  });

  test('sizes that outgrow their column', () => {
    expect(sections[6]?.size).toBe(0x1000000);
  });

  test('a header that is missing is an error', () => {
    expect(() => read(SECTIONS.replace('There are 8', 'There are 9'))).toThrow('announced 9');
  });
});

describe('relocations', () => {
  test('by type number, whatever the name looks like', () => {
    const { relocations } = read(SECTIONS + RELOCATIONS);
    expect(relocations.map(({ types }) => Array.from(types))).toEqual([
      [
        [0x1a, 2],
        [0x14, 1],
      ],
      [[0x16, 1]],
      [[0x404, 1]],
    ]);
  });

  test('a line that is missing is an error', () => {
    expect(() => read(SECTIONS + RELOCATIONS.replace('contains 3', 'contains 4'))).toThrow('announced 4');
  });
});

describe('facts', () => {
  const facts = moduleFacts(read(SECTIONS + RELOCATIONS));

  test('sections of one name are added up, the null section is left out', () => {
    expect(facts.sections.get('.text')).toEqual({ modules: 1, bytes: 0x1000120 });
    expect(facts.sections.has('')).toBe(false);
  });

  test('relocations count for sections in memory and for livepatch sections', () => {
    expect(facts.relocations.get('.text')).toEqual(
      new Map([
        [0x1a, 2],
        [0x14, 1],
      ]),
    );
    expect(facts.relocations.get('.debug_info')).toEqual(new Map([[0x404, 1]]));
  });

  test('equal facts do not differ', () => {
    expect(compareFacts(facts, moduleFacts(read(SECTIONS + RELOCATIONS)))).toEqual([]);
  });

  test('every differing number is named, from either side', () => {
    const sections = new Map(facts.sections).set('.extra', { modules: 1, bytes: 3 });
    sections.delete('.symtab');
    const relocations = new Map(facts.relocations).set('.text', new Map([[0x1a, 2]]));
    expect(compareFacts(facts, { ...facts, sections, relocations })).toEqual([
      { what: 'section .symtab, modules', readelf: 1, scan: 0 },
      { what: 'section .symtab, bytes', readelf: 0x90, scan: 0 },
      { what: 'relocations of type 20 in .text', readelf: 1, scan: 0 },
      { what: 'section .extra, modules', readelf: 0, scan: 1 },
      { what: 'section .extra, bytes', readelf: 0, scan: 3 },
    ]);
  });
});
