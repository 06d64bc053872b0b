import type { KernelSource, LivepatchSupport } from '@kelp/core';
import { rewrittenCode } from './rewritten-code.ts';

const source: KernelSource = { file: 'arch/powerpc/kernel/module_64.c', symbol: 'apply_relocate_add' };

/**
 * Only branches go through patch_instruction(), so a livepatch can relocate nothing else late that lies in text or
 * read-only data. There is no clear_relocate_add(): the weak one of kernel/livepatch/core.c does nothing.
 */
export const livepatch: LivepatchSupport = {
  rewrittenCode,
  lateStores: [
    {
      applies: [{ before: '6.1' }],
      // R_PPC64_REL24.
      types: [10],
      function: 'plain store',
      // Nothing is read-only.
      readOnly: true,
      slotOnReload: 'taken',
      note: 'Module text is not write-protected in these kernels. A stub takes a slot that is never freed.',
      source,
    },
    {
      // Seen in 5.10, not in 6.1.
      applies: [{ before: '6.1' }],
      function: 'plain store',
      // Nothing is read-only.
      readOnly: true,
      note: 'Module text is not write-protected in these kernels.',
      source,
    },
    {
      applies: [{ since: '6.1' }],
      // R_PPC64_REL24, R_PPC64_REL24_NOTOC, R_PPC64_PCREL34.
      types: [10, 116, 132],
      function: 'patch_instruction',
      readOnly: true,
      slotOnReload: 'taken',
      note: 'The word after a call and the stub are written the same way. A stub takes a slot that is never freed.',
      source,
    },
    {
      applies: [{ since: '6.1' }],
      function: 'plain store',
      readOnly: false,
      note: 'Works in writable sections such as .toc and .data; text and read-only data fault.',
      source,
    },
  ],
  refusals: [
    { causes: ['type'], text: 'module_64: {module}: Unknown ADD relocation: {type}' },
    // R_PPC64_REL24: what stands behind a call is looked at first.
    { causes: ['other'], types: [10], text: 'module_64: {module}: Expected nop after call at {place}' },
    {
      causes: ['range', 'alignment'],
      types: [10],
      text: 'module_64: {module}: REL24 {signed} out of range!',
    },
    { causes: ['range'], types: [26], text: 'module_64: {module}: REL32 {signed} out of range!' },
    { causes: ['range'], types: [47], text: 'module_64: {module}: bad TOC16 relocation (0x{value})' },
    {
      causes: ['range', 'alignment'],
      types: [63],
      text: 'module_64: {module}: bad TOC16_DS relocation (0x{value})',
    },
    {
      causes: ['alignment'],
      types: [64],
      text: 'module_64: {module}: bad TOC16_LO_DS relocation (0x{value})',
    },
    { causes: ['linkage'], text: 'WARNING: in stub_for_addr: no stub is left for {value}' },
  ],
  addresses: [
    {
      image: 0xc000_0000_0000_0000n,
      modules: 0xc008_0000_0000_0000n,
      pageSize: 65536,
      source: { file: 'arch/powerpc/mm/book3s64/hash_utils.c', symbol: '__vmalloc_start' },
    },
  ],
  configuration: ['MPROFILE_KERNEL'],
  sample: {
    places: [
      {
        what: 'a call',
        section: '.text',
        bytes: [0x01, 0x00, 0x00, 0x48, 0x00, 0x00, 0x00, 0x60],
        offset: 0,
        type: 10,
        addend: 0,
      },
      {
        what: 'the slot of data',
        section: '.toc',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 38,
        addend: 0,
      },
      {
        what: 'a pointer',
        section: '.data',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 38,
        addend: 0,
      },
      {
        what: 'a constant pointer',
        section: '.rodata',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 38,
        addend: 0,
      },
    ],
    nop: [0x00, 0x00, 0x00, 0x60],
    sections: [
      { name: '.toc', writable: true, size: 64, alignment: 256 },
      { name: '.stubs', size: 0, alignment: 8 },
    ],
  },
};
