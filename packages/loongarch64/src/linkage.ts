import type { Linkage } from '@kelp/core';

// GOT and PLT: module_emit_got_entry() and module_emit_plt_entry() of arch/loongarch/kernel/module-sections.c. How many
// entries a module needs is not planned here, so loading is not simulated.

const source = { file: 'arch/loongarch/kernel/module-sections.c', symbol: 'module_frob_arch_sections' };

/** What the loader adds to a module, and the sections that it must have for that. */
export const linkage: Linkage = {
  letters: {
    D: {
      meaning: 'where the branch goes: S + A, or a PLT entry of the module where that is beyond 128 MiB',
      direct: 'S + A',
    },
    G: { meaning: "start of the module's GOT, its section .got" },
    O: { meaning: 'offset in it of the slot that holds S + A' },
    H: {
      meaning:
        'what is left of the distance of the HI20 relocation at S, whose instruction takes the high bits of it',
    },
    T: { meaning: 'value on top of the stack that earlier relocations of the section pushed' },
  },
  requiredSections: ['.got', '.plt', '.plt.idx'].map((name) => ({ name, errno: 'ENOEXEC', source })),
};
