import {
  defineArchitecture,
  entryRelative64,
  existingZero,
  ignored,
  pcRelative32,
  pcRelative64,
  pointer,
  refused,
  relocationTable,
  u16,
  u32,
  whole,
  write,
  type ArchitectureDefinition,
  type SpecialSection,
} from '@kelp/core';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
  type ObjectSpecification,
  type RelocationSpecification,
  type SectionSpecification,
} from '@kelp/core/elf';
import type { FunctionCounts } from '../src/census.ts';

/** e_machine of the toy; no real architecture has it. */
export const toyMachine = 0x7e57;

function toySection(row: Pick<SpecialSection, 'name'> & Partial<SpecialSection>): SpecialSection {
  return {
    layouts: [],
    phase: 'coming',
    effect: 'Nothing.',
    hazard: { level: 'none', reason: 'A toy.' },
    ...row,
  };
}

/** An architecture that no CPU has, with tables of each sort. */
export const toyDefinition: ArchitectureDefinition = {
  id: 'toy',
  title: 'Toy',
  aliases: [],
  elf: { machine: toyMachine, byteOrder: 'little' },
  abi: 'Toy ABI',
  relocationTypes: relocationTable({ file: 'arch/toy/kernel/module.c' }, [
    [0, 'R_TOY_NONE', ignored],
    [1, 'R_TOY_64', { formula: 'S + A', field: whole(8), steps: [existingZero, write] }],
    [2, 'R_TOY_PC32', { formula: 'S + A - P', field: whole(4), steps: [write] }],
    [3000, 'R_TOY_FAR', refused],
  ]),
  specialSections: [
    toySection({
      name: '__jumps',
      layouts: [
        {
          size: 12,
          fields: { code: pcRelative32(0), target: pcRelative32(4), flags: u32(8) },
          structure: 'struct jump',
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
          structure: 'struct bug',
        },
        {
          applies: [{ since: '6.12' }],
          size: 12,
          fields: { place: pcRelative32(0), format: pcRelative32(4), line: u16(8), flags: u16(10) },
          structure: 'struct bug',
        },
      ],
    }),
    toySection({
      name: '__calls',
      applies: [{ since: '6.12' }],
      layouts: [{ size: 8, fields: { place: pointer(0) }, structure: 'void *' }],
    }),
    toySection({ name: '.thunks' }),
    toySection({
      name: '__jump_table',
      layouts: [
        {
          size: 16,
          fields: { code: pcRelative32(0), target: pcRelative32(4), key: pcRelative64(8, { flags: 3 }) },
          structure: 'struct jump_entry',
        },
      ],
      hazard: { level: 'high', reason: 'A toy breaks.' },
    }),
    toySection({
      name: '.static_call_sites',
      layouts: [
        {
          size: 8,
          fields: { addr: pcRelative32(0), key: pcRelative32(4, { flags: 3 }) },
          structure: 'struct static_call_site',
        },
      ],
    }),
    toySection({
      name: '__fixups',
      layouts: [
        {
          size: 16,
          fields: { start: entryRelative64(0), end: entryRelative64(8) },
          structure: 'struct fixup',
        },
      ],
    }),
  ],
  finalization: [],
  support: { capabilities: [], tools: [] },
};

export const toy = defineArchitecture(toyDefinition);

const encoder = new TextEncoder();

/** `.modinfo` of a module that was built for a kernel. */
export function modinfo(vermagic: string): SectionSpecification {
  return {
    name: '.modinfo',
    type: SHT_PROGBITS,
    flags: SHF_ALLOC,
    bytes: encoder.encode(`license=GPL\0vermagic=${vermagic}\0`),
  };
}

/** Executable bytes. */
export function code(name = '.text', size = 64): SectionSpecification {
  return { name, type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(size) };
}

/** Bytes that are loaded and not executed. */
export function data(
  name: string,
  size: number,
  more: Partial<SectionSpecification> = {},
): SectionSpecification {
  return { name, type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(size), ...more };
}

/** Relocations against the section with the index `info`. */
export function rela(
  info: number,
  relocations: readonly Partial<RelocationSpecification>[],
  more: Partial<SectionSpecification> = {},
): SectionSpecification {
  const complete = relocations.map((one) => ({ offset: 0, type: 1, symbol: 0, addend: 0n, ...one }));
  return { name: '.rela', type: SHT_RELA, info, relocations: complete, ...more };
}

/** A module of the toy architecture; section 1 is the first given. */
export function toyModule(
  sections: readonly SectionSpecification[],
  more: Partial<ObjectSpecification> = {},
): Uint8Array {
  return writeObjectFile({ machine: toyMachine, byteOrder: 'little', sections, ...more });
}

/** Counts of functions of modules that have none. */
export const noFunctions: FunctionCounts = { subsystems: [], sections: [], keys: [], exports: [] };
