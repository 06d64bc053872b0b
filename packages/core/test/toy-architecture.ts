import {
  aligned,
  defineArchitecture,
  existingZero,
  ignored,
  pcRelative32,
  pointer,
  refused,
  relocationTable,
  signed,
  u16,
  u32,
  whole,
  write,
  type ArchitectureDefinition,
  type SpecialSection,
} from '@kelp/core';

/** e_machine of the toy; no real architecture has it. */
export const toyMachine = 0x7e57;

/** A row of a special section with everything that a test does not care about filled in. */
export function toySection(row: Pick<SpecialSection, 'name'> & Partial<SpecialSection>): SpecialSection {
  return {
    layouts: [],
    phase: 'coming',
    effect: 'Nothing.',
    hazard: { level: 'none', reason: 'A toy.' },
    ...row,
  };
}

/** An architecture that no CPU has: small enough to be read at once, with one row of each sort. */
export const toyDefinition: ArchitectureDefinition = {
  id: 'toy',
  title: 'Toy',
  aliases: ['toy64'],
  elf: { machine: toyMachine, byteOrder: 'little' },
  abi: 'Toy ABI',
  relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c', symbol: 'apply_relocate_add' }, [
    [0, 'R_TOY_NONE', ignored],
    [1, 'R_TOY_64', { formula: 'S + A', field: whole(8), steps: [existingZero, write] }],
    [2, 'R_TOY_PC32', { formula: 'S + A - P', field: whole(4), steps: [signed(32), existingZero, write] }],
    [
      3,
      'R_TOY_PC16DBL',
      { formula: 'S + A - P', field: whole(2, 1), steps: [aligned(2), signed(16), write] },
    ],
    [4, 'R_TOY_COPY', refused],
    [5, 'R_TOY_NEW', { applies: [{ since: '6.12' }], formula: 'S + A', field: whole(4), steps: [write] }],
    [6, 'R_TOY_GOT', { formula: 'G + A', field: whole(4), steps: [write] }],
  ]),
  specialSections: [
    toySection({
      name: '__jumps',
      layouts: [
        {
          size: 12,
          fields: { code: pcRelative32(0), target: pcRelative32(4), flags: u32(8) },
          structure: 'include/linux/jump.h struct jump',
        },
      ],
    }),
    toySection({
      name: '__bugs',
      layouts: [
        {
          applies: [{ before: '6.12' }],
          size: 8,
          fields: { place: pcRelative32(0), line: u16(4), flags: u16(6) },
          structure: 'include/linux/bug.h struct bug',
        },
        {
          applies: [{ since: '6.12' }],
          size: 12,
          fields: { place: pcRelative32(0), format: pcRelative32(4), line: u16(8), flags: u16(10) },
          structure: 'include/linux/bug.h struct bug',
        },
      ],
    }),
    toySection({
      name: 'constant_*',
      applies: [{ since: '6.12' }],
      layouts: [{ size: 8, fields: { place: pointer(0) }, structure: 'include/linux/constant.h' }],
    }),
  ],
  linkage: { letters: { G: { meaning: 'Address of the slot' } } },
  finalization: [],
  support: { capabilities: [], tools: [] },
};

export const toy = defineArchitecture(toyDefinition);
