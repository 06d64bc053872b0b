import { defineArchitecture } from '@kelp/core';
import { finalization } from './finalization.ts';
import { linkage } from './linkage.ts';
import { relocationTypes } from './relocation-types.ts';
import { specialSections } from './special-sections.ts';
import { support } from './support.ts';

/** LoongArch in its 64-bit form. Its loader builds a GOT and a PLT, and has a stack machine for relocation types of old compilers. */
export const loongarch64 = defineArchitecture({
  id: 'loongarch64',
  title: 'LoongArch64',
  aliases: ['loong64', 'loongarch'],
  elf: { machine: 258, byteOrder: 'little' },
  abi: 'ELF for the LoongArch Architecture (LoongArch ELF psABI), section "Relocations"',
  relocationTypes,
  specialSections,
  linkage,
  finalization,
  support,
});
