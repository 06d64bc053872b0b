import { describe, expect, test } from 'vitest';
import { refusedLoads, type RefusedLoad } from '../src/acceptance.ts';
import { defineArchitecture, type Architecture } from '../src/architecture.ts';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHN_LIVEPATCH,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_REL,
  SHT_RELA,
  STB_GLOBAL,
} from '../src/elf/constants.ts';
import { parseObjectFile } from '../src/elf/object-file.ts';
import { writeObjectFile, type ObjectSpecification, type SectionSpecification } from '../src/elf/writer.ts';
import { whole } from '../src/field.ts';
import { parseKernel } from '../src/kernel.ts';
import { range, relocationTable, special, write, type Special } from '../src/relocation-type.ts';
import { toy, toyDefinition, toyMachine } from './toy-architecture.ts';

const [none, absolute, pcRelative, doubled, copy, newer] = [0, 1, 2, 3, 4, 5];
const [local, external, livepatch, elsewhere] = [1, 2, 3, 4];

/** `.text` is section 1 and defines symbol 1 at 4; symbols 2 and 3 are somebody else's, symbol 4 is in `.data`. */
function specification(
  text: Partial<SectionSpecification>,
  ...sections: readonly SectionSpecification[]
): ObjectSpecification {
  const code = {
    name: '.text',
    type: SHT_PROGBITS,
    flags: SHF_ALLOC | SHF_EXECINSTR,
    bytes: new Uint8Array(16),
  };
  return {
    machine: toyMachine,
    byteOrder: 'little',
    sections: [{ ...code, ...text }, ...sections],
    symbols: [
      { name: 'work', section: 1, value: 4n },
      { name: 'printk', section: SHN_UNDEF, binding: STB_GLOBAL },
      { name: '.klp.sym.vmlinux.jiffies,0', section: SHN_LIVEPATCH, reserved: true, binding: STB_GLOBAL },
      { name: 'table', section: 2, binding: STB_GLOBAL },
    ],
  };
}

function rela(
  type: number,
  offset: number,
  symbol = external,
  more: Partial<SectionSpecification> = {},
): SectionSpecification {
  return {
    name: '.rela.text',
    type: SHT_RELA,
    info: 1,
    relocations: [{ offset, type, symbol, addend: -4n }],
    ...more,
  };
}

function refusals(
  file: ObjectSpecification,
  release = '6.1',
  architecture: Architecture = toy,
): readonly RefusedLoad[] {
  return [
    ...refusedLoads(parseObjectFile(writeObjectFile(file), 'toy.ko'), architecture, parseKernel(release)),
  ];
}

describe('a module is accepted', () => {
  test('without relocations', () => {
    expect(refusals(specification({}))).toEqual([]);
  });

  test.each([none, absolute, pcRelative])('with a relocation of type %d that the loader takes', (type) => {
    expect(refusals(specification({}, rela(type, 8)))).toEqual([]);
  });

  test('with a type that the loader does not know, against a section that is not loaded', () => {
    expect(refusals(specification({ flags: 0n }, rela(99, 0)))).toEqual([]);
  });

  test('as far as a linked file is concerned', () => {
    expect(refusals({ ...specification({}, rela(99, 0)), type: 2 })).toEqual([]);
  });

  test('although a distance to another section would not fit', () => {
    const data = { name: '.data', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(8) };
    expect(refusals(specification({}, data, rela(doubled, 3, elsewhere)))).toEqual([]);
  });
});

describe('a module is refused', () => {
  test('for a type that has no row', () => {
    expect(refusals(specification({}, rela(99, 8)))).toEqual([
      {
        section: '.text',
        offset: 8,
        type: 99,
        symbol: 'printk',
        errno: 'ENOEXEC',
        reason: 'unknown relocation type',
      },
    ]);
  });

  test('for a type that the loader refuses', () => {
    expect(refusals(specification({}, rela(copy, 8)))).toMatchObject([
      {
        type: copy,
        typeName: 'R_TOY_COPY',
        errno: 'ENOEXEC',
        reason: 'R_TOY_COPY is not accepted by the loader',
      },
    ]);
  });

  test('for a type without a rule for the kernel', () => {
    expect(refusals(specification({}, rela(newer, 8)), '6.11')).toMatchObject([
      { typeName: 'R_TOY_NEW', reason: 'R_TOY_NEW is not accepted by this kernel' },
    ]);
    expect(refusals(specification({}, rela(newer, 8)), '6.12')).toEqual([]);
  });

  test('for a field that must be zero and is not', () => {
    const bytes = new Uint8Array(16).fill(0x11, 8, 9);
    expect(refusals(specification({ bytes }, rela(pcRelative, 8)))).toMatchObject([
      { offset: 8, errno: 'ENOEXEC', reason: 'the field holds 0x11, the loader wants zero' },
    ]);
  });

  test.each([13, 16, 2 ** 40])('for a place at %d of 16 bytes', (offset) => {
    expect(refusals(specification({}, rela(pcRelative, offset)))).toMatchObject([
      { offset, reason: 'the place lies outside its section' },
    ]);
  });

  test('for a distance inside one section that does not fit', () => {
    const bytes = new Uint8Array(0x2_0000);
    expect(refusals(specification({ bytes }, rela(doubled, 0x1_8000, local)))).toMatchObject([
      { reason: 'value -0xc000 is not in -0x8000 to 0x7fff' },
    ]);
  });

  test('for a distance inside one section that is not aligned', () => {
    expect(refusals(specification({}, rela(doubled, 3, local)))).toMatchObject([
      { reason: 'value -0x3 is not a multiple of 2' },
    ]);
  });

  test('for SHT_REL relocations', () => {
    const rel = { name: '.rel.text', type: SHT_REL, info: 1, bytes: new Uint8Array(16) };
    expect(refusals(specification({}, rel))).toEqual([
      { section: '.text', errno: 'ENOEXEC', reason: 'SHT_REL relocations are not supported, only SHT_RELA' },
    ]);
  });

  test('for a type in a section that livepatch applies, even if its target is not loaded', () => {
    const late = rela(99, 0, livepatch, { flags: SHF_RELA_LIVEPATCH });
    expect(refusals(specification({ flags: 0n }, late))).toMatchObject([
      { symbol: '.klp.sym.vmlinux.jiffies,0' },
    ]);
  });

  test('for every relocation that is wrong, in file order', () => {
    const sections = [rela(99, 8), rela(none, 0), rela(98, 4), rela(97, 0)];
    expect(refusals(specification({}, ...sections)).map(({ type }) => type)).toEqual([99, 98, 97]);
  });
});

describe('a section without bytes in the file', () => {
  const bss = { type: SHT_NOBITS, bytes: new Uint8Array(), size: 16 };

  test('holds zeros', () => {
    expect(refusals(specification(bss, rela(pcRelative, 8)))).toEqual([]);
  });

  test('ends somewhere all the same', () => {
    expect(refusals(specification(bss, rela(pcRelative, 13)))).toMatchObject([
      { reason: 'the place lies outside its section' },
    ]);
  });
});

describe('a special step', () => {
  /** Wants a 0x90 behind the place of a call to a symbol of another module, and looks at bytes before it too. */
  const nop: Special = {
    name: 'nop',
    description: 'Wants a nop behind the place.',
    apply({ bytes, offset, symbol }) {
      if (!symbol.external || (bytes[offset + 4] === 0x90 && bytes[offset - 1] === 0xe8)) return undefined;
      return { errno: 'EINVAL', reason: `no nop behind the call of ${symbol.name}` };
    },
    clear() {},
  };
  const architecture = defineArchitecture({
    ...toyDefinition,
    relocationTypes: relocationTable({ file: 'module.c' }, [
      [1, 'R_TOY_CALL', { formula: 'S + A - P', field: whole(4), steps: [special(nop), write] }],
    ]),
  });
  const call = Uint8Array.from({ length: 160 }, (_, index) =>
    index === 99 ? 0xe8 : index === 104 ? 0x90 : 0,
  );

  test('may refuse', () => {
    expect(refusals(specification({}, rela(1, 8)), '6.1', architecture)).toMatchObject([
      { errno: 'EINVAL', reason: 'no nop behind the call of printk' },
    ]);
  });

  test('sees the bytes around the place', () => {
    expect(refusals(specification({ bytes: call }, rela(1, 100)), '6.1', architecture)).toEqual([]);
  });

  test('is told that a symbol of the module is not external', () => {
    expect(refusals(specification({}, rela(1, 8, local)), '6.1', architecture)).toEqual([]);
  });

  test('is told that a symbol that livepatch resolves is external', () => {
    expect(refusals(specification({}, rela(1, 8, livepatch)), '6.1', architecture)).toHaveLength(1);
  });

  test('does not change the file', () => {
    const bytes = new Uint8Array(16);
    refusals(specification({ bytes }, rela(absolute, 8)));
    expect(bytes).toEqual(new Uint8Array(16));
  });
});

describe('a check that even zero does not pass', () => {
  const nonzero = [range(1n, 2n ** 62n), write];
  const architecture = defineArchitecture({
    ...toyDefinition,
    relocationTypes: relocationTable({ file: 'module.c' }, [
      [1, 'R_TOY_ABSOLUTE', { formula: 'S + A', field: whole(8), steps: nonzero }],
      [2, 'R_TOY_DISTANCE', { formula: 'S + A - P', field: whole(8), steps: nonzero }],
      [3, 'R_TOY_SLOT', { formula: 'G + A - P', field: whole(8), steps: nonzero }],
    ]),
  });

  test.each([
    ['a symbol of another module', 2, external],
    ['the address of a symbol, wherever that is', 1, local],
    ['a slot that the loader chooses', 3, local],
  ])('says nothing about %s', (_what, type, symbol) => {
    expect(refusals(specification({}, rela(type, 8, symbol)), '6.1', architecture)).toEqual([]);
  });

  test('refuses a distance inside one section', () => {
    expect(refusals(specification({}, rela(2, 8, local)), '6.1', architecture)).toHaveLength(1);
  });
});

describe('a section that the loader needs', () => {
  const architecture = defineArchitecture({
    ...toyDefinition,
    linkage: {
      letters: { G: { meaning: 'Address of the slot' } },
      requiredSections: [
        {
          name: '.stubs',
          applies: [{ before: '6.12' }],
          errno: 'ENOEXEC',
          source: { file: 'arch/toy/kernel/module.c', symbol: 'module_frob_arch_sections' },
        },
      ],
    },
  });
  const stubs = { name: '.stubs', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(8) };

  test('is missed before any relocation is looked at', () => {
    expect(refusals(specification({}, rela(99, 0)), '6.1', architecture)).toMatchObject([
      {
        section: '.stubs',
        errno: 'ENOEXEC',
        reason: 'the module has no section .stubs, which module_frob_arch_sections requires',
      },
      { type: 99 },
    ]);
  });

  test('is not missed where it is', () => {
    expect(refusals(specification({}, stubs), '6.1', architecture)).toEqual([]);
  });

  test('is not missed by a kernel that does not need it', () => {
    expect(refusals(specification({}), '6.12', architecture)).toEqual([]);
  });
});

test('a symbol that the file does not have is an error', () => {
  expect(() => refusals(specification({}, rela(absolute, 0, 9)))).toThrow(
    expect.objectContaining({ code: 'elf/symbol-index', file: 'toy.ko' }),
  );
});
