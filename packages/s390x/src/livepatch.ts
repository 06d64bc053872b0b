import type { KernelSource, LivepatchSupport } from '@kelp/core';
import { rewrittenCode } from './rewritten-code.ts';
import { entryTypes, slotTypes } from './linkage.ts';

const source: KernelSource = { file: 'arch/s390/kernel/module.c', symbol: 'apply_relocate_add' };

/**
 * Everything can be written late. There is no clear_relocate_add(): the weak one of kernel/livepatch/core.c does
 * nothing.
 */
export const livepatch: LivepatchSupport = {
  rewrittenCode,
  lateStores: [
    {
      types: slotTypes,
      function: 's390_kernel_write',
      readOnly: true,
      slotOnReload: 'kept',
      note:
        'The slot is written this way too, but once only: got_initialized stays set, so that after a reload of the ' +
        'target module the slot still holds the old address.',
      source,
    },
    {
      types: entryTypes,
      function: 's390_kernel_write',
      readOnly: true,
      slotOnReload: 'kept',
      note:
        'The PLT entry is written this way too, but once only: plt_initialized stays set, so that after a reload of ' +
        'the target module the entry still jumps to the old address.',
      source,
    },
    { function: 's390_kernel_write', readOnly: true, source },
  ],
  refusals: [
    // R_390_COPY to R_390_RELATIVE.
    { causes: ['type'], types: [9, 10, 11, 12], text: '' },
    { causes: ['type'], text: 'module {module}: unknown relocation: {type}' },
    {
      causes: ['range', 'alignment'],
      text: 'module {module}: relocation error for symbol {symbol} (r_type {type}, value 0x{value})',
    },
  ],
  addresses: [
    {
      applies: [{ before: '6.10' }],
      image: 0x10_0000n,
      modules: 0x3ff_8000_0000n,
      pageSize: 4096,
      source: { file: 'arch/s390/boot/startup.c', symbol: 'setup_kernel_memory_layout' },
    },
    {
      // The kernel image stands above the modules.
      image: 0x3ff_e000_0000n,
      modules: 0x3ff_8000_0000n,
      pageSize: 4096,
      source: { file: 'arch/s390/boot/startup.c', symbol: 'setup_kernel_memory_layout' },
    },
  ],
  sample: {
    places: [
      {
        what: 'a call',
        section: '.text',
        bytes: [0xc0, 0xe5, 0x00, 0x00, 0x00, 0x00],
        offset: 2,
        type: 20,
        addend: 2,
      },
      {
        what: 'a load of data',
        section: '.text',
        bytes: [0xc4, 0x18, 0x00, 0x00, 0x00, 0x00],
        offset: 2,
        type: 26,
        addend: 2,
      },
      {
        what: 'a pointer',
        section: '.data',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 22,
        addend: 0,
      },
      {
        what: 'a constant pointer',
        section: '.rodata',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 22,
        addend: 0,
      },
    ],
    nop: [0xc0, 0x04, 0x00, 0x00, 0x00, 0x00],
    sections: [],
  },
};
