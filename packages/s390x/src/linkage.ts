import type { Linkage } from '@kelp/core';

/**
 * The GOT and the PLT that the loader puts in front of the module's text. module_frob_arch_sections() sizes them by the
 * relocations of the whole file, one slot and one entry at most for each index of the symbol table. No section of the
 * file is needed for them.
 */
export const linkage: Linkage = {
  letters: {
    G: { meaning: 'start of the GOT, which is the start of the memory that holds the module text' },
    O: { meaning: 'distance from G to the GOT slot of the symbol; a slot is 8 bytes and holds S' },
    L: {
      meaning: 'PLT entry of the symbol; the entries stand behind the GOT, each is 22 bytes and jumps to S',
    },
    D: {
      meaning:
        'destination of a branch: S in reach, else the PLT entry. The loader looks at S - P without the addend: ' +
        'in reach is -0xffffffff to 0xfffffffe for 32 bits, and for 16 bits -0xffff to 0x1efffe',
      direct: 'S',
    },
  },
};
