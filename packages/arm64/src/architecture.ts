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

/** Linux on 64-bit Arm, little-endian: EM_AARCH64. */
export const arm64: Architecture = defineArchitecture({
  id: 'arm64',
  title: 'arm64',
  aliases: ['aarch64'],
  // EM_AARCH64
  elf: { machine: 183, byteOrder: 'little' },
  abi: 'ELF for the Arm 64-bit Architecture (AAELF64)',
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
