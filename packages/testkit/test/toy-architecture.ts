import {
  aligned,
  defineArchitecture,
  ignored,
  pcRelative32,
  refused,
  relocationTable,
  signed,
  special,
  u32,
  unsigned,
  whole,
  write,
  writeContainer,
  type Architecture,
  type Special,
  type SpecialSection,
} from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
  type ObjectFile,
  type RelocationSpecification,
} from '@kelp/core/elf';

/** Stores the value plus one, and nothing in the field that the row declares. */
const storeNext: Special = {
  name: 'store-next',
  description: 'Stores the value plus one.',
  apply({ bytes, offset, byteOrder, value }) {
    writeContainer(bytes, offset, 4, byteOrder, value + 1n);
    return undefined;
  },
  clear({ bytes, offset, byteOrder }) {
    writeContainer(bytes, offset, 4, byteOrder, 0n);
  },
};

const common = { phase: 'init', effect: 'Nothing.', hazard: { level: 'none', reason: 'A toy.' } } as const;

const specialSections: readonly SpecialSection[] = [
  { ...common, name: '.note.toy', layouts: [] },
  {
    ...common,
    name: '__sites',
    layouts: [
      { applies: [{ before: '6.12' }], size: 4, fields: { code: pcRelative32(0) }, structure: 'struct site' },
      {
        applies: [{ since: '6.12' }],
        size: 12,
        fields: { code: pcRelative32(0), target: pcRelative32(4), flags: u32(8) },
        structure: 'struct site',
      },
    ],
  },
];

/** An architecture with one relocation type for each thing that the checks tell apart. */
export const toy: Architecture = defineArchitecture({
  id: 'toy',
  title: 'Toy',
  aliases: [],
  elf: { machine: 0x7e57, byteOrder: 'little' },
  abi: 'Toy ABI',
  relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c' }, [
    [0, 'R_TOY_NONE', ignored],
    [1, 'R_TOY_32', { formula: 'S + A', field: whole(4), steps: [unsigned(32), write] }],
    [
      2,
      'R_TOY_PC16DBL',
      { formula: 'D + A - P', field: whole(2, 1), steps: [aligned(2), signed(16), write] },
    ],
    [3, 'R_TOY_COPY', refused],
    [4, 'R_TOY_NEW', { applies: [{ since: '6.12' }], formula: 'S', field: whole(8), steps: [write] }],
    [5, 'R_TOY_NEXT', { formula: 'S', field: whole(4), steps: [special(storeNext)] }],
  ]),
  specialSections,
  linkage: { letters: { D: { meaning: 'destination', direct: 'S' } } },
  finalization: [],
  support: { capabilities: [], tools: [] },
});

/** A section with its relocations, all against symbol 1. */
export interface ToySection {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Place and type of each relocation; symbol 1 where no other is given. */
  readonly relocations?: readonly (Omit<RelocationSpecification, 'addend' | 'symbol'> & {
    readonly symbol?: number;
  })[];
  readonly allocated?: boolean;
}

/** A module of the toy with one symbol. */
export function toyModule(sections: readonly ToySection[]): ObjectFile {
  const written = sections.flatMap(({ name, bytes, relocations = [], allocated = true }, index) => [
    { name, type: SHT_PROGBITS, flags: allocated ? SHF_ALLOC : 0n, bytes },
    {
      name: `.rela${name}`,
      type: SHT_RELA,
      info: 2 * index + 1,
      relocations: relocations.map((one) => ({ symbol: 1, addend: 0n, ...one })),
    },
  ]);
  const symbols = [{ name: 'target', binding: 1, section: 1 }];
  return parseObjectFile(writeObjectFile({ ...toy.elf, sections: written, symbols }), 'toy.ko');
}
