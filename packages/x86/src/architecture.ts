import { defineArchitecture } from '@kelp/core';
import { finalization } from './finalization.ts';
import { ftraceSite } from './ftrace.ts';
import { jumpLabel } from './jump-label.ts';
import { staticCall } from './static-calls.ts';
import { livepatch } from './livepatch.ts';
import { machine } from './machine.ts';
import { relocationTypes } from './relocation-types.ts';
import { specialSections } from './special-sections.ts';
import { support } from './support.ts';

/** x86-64: 64-bit kernels on Intel and AMD CPUs. Its loader builds no GOT, PLT or veneers. */
export const x86 = defineArchitecture({
  id: 'x86',
  title: 'x86-64',
  aliases: ['x86_64', 'x86-64', 'amd64'],
  elf: { machine: 62, byteOrder: 'little' },
  abi: 'System V Application Binary Interface, AMD64 Architecture Processor Supplement (x86-64 psABI), section "Relocation Types"',
  relocationTypes,
  specialSections,
  finalization,
  jumpLabel,
  ftraceSite,
  staticCall,
  machine,
  livepatch,
  support,
});
