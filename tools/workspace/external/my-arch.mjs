// An architecture that lives outside this repository, as its author would write it.
import {
  bugEntry,
  bugTable,
  defineArchitecture,
  genericSections,
  ignored,
  relocationTable,
  signed,
  whole,
  write,
} from '@kelp/core';

export const pdp11 = defineArchitecture({
  id: 'pdp11',
  title: 'PDP-11',
  aliases: ['pdp-11'],
  elf: { machine: 65, byteOrder: 'little' },
  abi: 'made up for a test',
  relocationTypes: relocationTable({ file: 'arch/pdp11/kernel/module.c', symbol: 'apply_relocate_add' }, [
    [0, 'R_PDP11_NONE', ignored],
    [1, 'R_PDP11_REL32', { formula: 'S + A - P', field: whole(4), steps: [signed(32), write] }],
  ]),
  specialSections: [...genericSections, bugTable({ layouts: [bugEntry], effect: 'Links the table.' })],
  finalization: [],
  support: { capabilities: [], tools: [] },
});
