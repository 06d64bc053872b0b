import type { KernelSource, LivepatchSupport } from '@kelp/core';
import { entryTypes, slotTypes } from './linkage.ts';

const source: KernelSource = { file: 'arch/s390/kernel/module.c', symbol: 'apply_relocate_add' };

/**
 * Everything can be written late. There is no clear_relocate_add(): the weak one of kernel/livepatch/core.c does
 * nothing.
 */
export const livepatch: LivepatchSupport = {
  lateStores: [
    {
      types: slotTypes,
      function: 's390_kernel_write',
      readOnly: true,
      note:
        'The slot is written this way too, but once only: got_initialized stays set, so that after a reload of the ' +
        'target module the slot still holds the old address.',
      source,
    },
    {
      types: entryTypes,
      function: 's390_kernel_write',
      readOnly: true,
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
};
