import { defineArchitecture, type Architecture } from '@kelp/core';
import { finalization } from './finalization.ts';
import { ftraceSite } from './ftrace.ts';
import { jumpLabel } from './jump-label.ts';
import { linkage } from './linkage.ts';
import { livepatch } from './livepatch.ts';
import { machine } from './machine.ts';
import { relocationTypes } from './relocation-types.ts';
import { specialSections } from './special-sections.ts';
import { support } from './support.ts';

/** 64-bit little-endian POWER with the second ELF ABI. */
export const ppc64le: Architecture = defineArchitecture({
  id: 'ppc64le',
  title: 'ppc64le',
  aliases: ['ppc64el', 'powerpc64le'],
  // EM_PPC64
  elf: { machine: 21, byteOrder: 'little' },
  abi: 'Power Architecture 64-Bit ELF V2 ABI Specification, OpenPOWER ABI for Linux Supplement, 3.5 "Relocation Types"',
  relocationTypes,
  specialSections,
  linkage,
  finalization,
  jumpLabel,
  ftraceSite,
  machine,
  livepatch,
  support,
});
