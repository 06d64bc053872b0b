import type { LivepatchSupport } from '@kelp/core';
import { rewrittenCode } from './rewritten-code.ts';

/** How relocations of a livepatch are written late, and cleared. */
export const livepatch: LivepatchSupport = {
  rewrittenCode,
  lateStores: [
    {
      function: 'text_poke',
      readOnly: true,
      note: 'Every accepted type goes this way, into code and data alike; once per section, from the state of the module, under text_mutex, then all CPUs are synchronized.',
      source: { file: 'arch/x86/kernel/module.c', symbol: 'apply_relocate_add' },
    },
  ],
  clear: [
    {
      applies: [{ since: '6.3' }],
      source: { file: 'arch/x86/kernel/module.c', symbol: 'clear_relocate_add' },
      effect:
        'Recomputes each value, and where the field holds it writes zeros; at the first field that holds something else it warns and leaves the rest of the section as it is.',
    },
  ],
  refusals: [
    { causes: ['type'], text: 'module: {module}: Unknown rela relocation: {type}' },
    {
      // The place is not yet subtracted from the value.
      applies: [{ before: '6.3' }],
      causes: ['existing-value'],
      text: 'module: x86/modules: Skipping invalid relocation target, existing value is nonzero for type {type}, loc {place}, val {sum}',
    },
    {
      // Seen in 7.3, not in 6.12.
      applies: [{ since: '6.19' }],
      causes: ['existing-value'],
      text: 'module: x86/modules: Invalid relocation target, existing value is nonzero for sec {section}, idx {record}, type {type}, loc {place}, val {value}',
    },
    {
      causes: ['existing-value'],
      text: 'module: x86/modules: Invalid relocation target, existing value is nonzero for type {type}, loc {place}, val {value}',
    },
    {
      applies: [{ since: '6.19' }],
      causes: ['range'],
      text: 'module: overflow in relocation type {type} val {value} sec {section} idx {record}',
    },
    { causes: ['range'], text: 'module: overflow in relocation type {type} val {value}' },
  ],
  addresses: [
    {
      image: 0xffff_ffff_8100_0000n,
      modules: 0xffff_ffff_c000_0000n,
      pageSize: 4096,
      source: { file: 'arch/x86/include/asm/pgtable_64_types.h', symbol: 'MODULES_VADDR' },
    },
  ],
  sample: {
    places: [
      {
        what: 'a call',
        section: '.text',
        bytes: [0xe8, 0x00, 0x00, 0x00, 0x00],
        offset: 1,
        type: 4,
        addend: -4,
      },
      {
        what: 'a load of data',
        section: '.text',
        bytes: [0x48, 0x8b, 0x05, 0x00, 0x00, 0x00, 0x00],
        offset: 3,
        type: 2,
        addend: -4,
      },
      {
        what: 'a pointer',
        section: '.data',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 1,
        addend: 0,
      },
      {
        what: 'a constant pointer',
        section: '.rodata',
        bytes: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
        offset: 0,
        type: 1,
        addend: 0,
      },
    ],
    nop: [0x0f, 0x1f, 0x44, 0x00, 0x00],
    sections: [],
  },
};
