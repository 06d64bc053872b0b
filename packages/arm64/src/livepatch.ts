import type { KernelSource, LivepatchSupport } from '@kelp/core';
import { rewrittenCode } from './rewritten-code.ts';

const source: KernelSource = { file: 'arch/arm64/kernel/module.c', symbol: 'WRITE_PLACE' };

const lost = 'A place that is not a multiple of 4 is not written, and nothing says so.';

/**
 * Livepatch came with 6.17, and with it the late store. There is no clear_relocate_add(): the weak one of
 * kernel/livepatch/core.c does nothing, and the next application overwrites what the last one left.
 */
export const livepatch: LivepatchSupport = {
  rewrittenCode,
  lateStores: [
    {
      applies: [{ since: '6.17' }],
      // R_AARCH64_JUMP26, R_AARCH64_CALL26.
      types: [282, 283],
      function: 'aarch64_insn_copy',
      readOnly: true,
      alignment: 4,
      linkage: 'plain store',
      note: 'If the destination is out of reach, its PLT entry is a plain store into read-only text, which faults.',
      source,
    },
    {
      applies: [{ since: '6.17' }],
      // R_AARCH64_ADR_PREL_PG_HI21 and its _NC form.
      types: [275, 276],
      function: 'aarch64_insn_copy',
      readOnly: true,
      alignment: 4,
      linkage: 'plain store',
      note:
        'On CPUs with erratum 843419 a veneer is a plain store into read-only text, which faults; ' +
        'and a place that became a branch has lost its register when it is relocated again.',
      source,
    },
    {
      applies: [{ since: '6.17' }],
      function: 'aarch64_insn_copy',
      readOnly: true,
      alignment: 4,
      note: lost,
      source,
    },
  ],
  refusals: [
    { causes: ['type'], text: 'Modules: module {module}: unsupported RELA relocation: {type}' },
    { causes: ['range'], text: 'Modules: module {module}: overflow in relocation type {type} val {value}' },
  ],
  addresses: [
    {
      // The window of 128 MiB that holds the image.
      image: 0xffff_8000_8000_0000n,
      modules: 0xffff_8000_7a00_0000n,
      pageSize: 4096,
      source: { file: 'arch/arm64/mm/init.c', symbol: 'module_init_limits' },
    },
  ],
  configuration: ['ARM64_ERRATUM_843419'],
  sample: {
    places: [
      { what: 'a call', section: '.text', bytes: [0x00, 0x00, 0x00, 0x94], offset: 0, type: 283, addend: 0 },
      {
        what: 'the page of data',
        section: '.text',
        bytes: [0x01, 0x00, 0x00, 0x90],
        offset: 0,
        type: 275,
        addend: 0,
      },
      {
        what: 'the offset of data',
        section: '.text',
        bytes: [0x21, 0x00, 0x40, 0xf9],
        offset: 0,
        type: 286,
        addend: 0,
      },
      {
        what: 'a pointer',
        section: '.data',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 257,
        addend: 0,
      },
      {
        what: 'a constant pointer',
        section: '.rodata',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 257,
        addend: 0,
      },
    ],
    nop: [0x1f, 0x20, 0x03, 0xd5],
    sections: [
      { name: '.plt', size: 1, alignment: 1 },
      { name: '.init.plt', size: 1, alignment: 1 },
      { name: '.text.ftrace_trampoline', size: 1, alignment: 1 },
      { name: '.init.text.ftrace_trampoline', size: 1, alignment: 1 },
    ],
  },
};
