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

/** Linux on 64-bit IBM Z, big-endian. */
export const s390x: Architecture = defineArchitecture({
  id: 's390x',
  title: 's390x',
  aliases: ['s390'],
  // EM_S390
  elf: { machine: 22, byteOrder: 'big' },
  abi: 'ELF Application Binary Interface s390x Supplement, "Relocation"',
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
