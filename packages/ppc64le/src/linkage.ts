import type { Linkage } from '@kelp/core';
import { plan } from './linkage-plan.ts';

const moduleLoader = 'arch/powerpc/kernel/module_64.c';

/** What the loader builds beside a module: a TOC pointer, stubs for calls that leave it, and with PCREL a GOT. */
export const linkage: Linkage = {
  letters: {
    // my_r2(): a module without .toc takes .stubs instead, hence the rounding.
    TOC: { meaning: 'r2 of the module: 0x8000 above the start of .toc, which is rounded down to 256 bytes' },
    // The loader asks st_shndx only: an undefined symbol always gets a stub, a defined one never, however far it is.
    D: {
      meaning:
        'where a branch goes: for an external symbol its stub, which stub_for_addr() finds or makes for S + A; ' +
        'for a symbol of the module S + A plus the distance to its local entry point, from bits 5 to 7 of st_other',
      direct: 'S + A',
    },
    G: { meaning: 'the start of .mygot, which modules with PPC_KERNEL_PCREL have' },
    O: { meaning: 'the distance from G to the slot that got_for_addr() finds or fills for S + A' },
  },
  // dedotify(). With PPC_KERNEL_PCREL the kernel leaves names alone, but no compiler makes such names then.
  symbolRule(name) {
    if (name === '.TOC.') return { kind: 'letter', letter: 'TOC' };
    return name.startsWith('.') ? { kind: 'lookup', name: name.slice(1) } : undefined;
  },
  plan,
  requiredSections: [
    { name: '.stubs', errno: 'ENOEXEC', source: { file: moduleLoader, symbol: 'module_frob_arch_sections' } },
    {
      name: '.mygot',
      applies: [{ since: '6.4', config: { PPC_KERNEL_PCREL: true } }],
      errno: 'ENOEXEC',
      source: { file: moduleLoader, symbol: 'module_frob_arch_sections' },
    },
  ],
};
