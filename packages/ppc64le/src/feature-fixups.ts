import {
  entryRelative64,
  pcRelative64,
  u64,
  type EntryLayout,
  type KernelSource,
  type SpecialSection,
} from '@kelp/core';

// Tables of instructions that the kernel rewrites to suit the CPU it runs on: the alternatives of powerpc. Offsets
// count from the start of the entry, so an addend is larger than the distance by the offset of its field.

const featureFixups: KernelSource = {
  file: 'arch/powerpc/lib/feature-fixups.c',
  symbol: 'do_feature_fixups',
};

/** An alternative for a range of instructions, by a word of features. */
export const fixupEntry: EntryLayout = {
  size: 48,
  fields: {
    mask: u64(0),
    value: u64(8),
    startOff: entryRelative64(16),
    endOff: entryRelative64(24),
    altStartOff: entryRelative64(32),
    altEndOff: entryRelative64(40),
  },
  structure: 'arch/powerpc/lib/feature-fixups.c struct fixup_entry',
};

/** The place of one instruction or of a sequence of fixed length. */
export const instructionPlace: EntryLayout = {
  size: 8,
  fields: { off: pcRelative64(0) },
  structure: 'arch/powerpc/include/asm/feature-fixups.h',
};

/** A table that module_finalize() applies with one word of features. */
function fixups(name: string, features: string): SpecialSection {
  return {
    name,
    layouts: [fixupEntry],
    consumer: featureFixups,
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      `Where ${features} & mask differs from value, the instructions from start to end are replaced by the alternative ` +
      'and nops; relative branches out of the alternative keep their target.',
    hazard: {
      level: 'low',
      reason:
        'All four addresses are local; a late relocation in the replaced instructions overwrites the alternative.',
    },
  };
}

/** A table of vmlinux that modules never carry and the loader never reads. */
function imageTable(name: string, consumer: string, what: string, layout = instructionPlace): SpecialSection {
  return {
    name,
    config: layout === instructionPlace ? 'PPC_BOOK3S_64' : 'PPC_E500',
    layouts: [layout],
    consumer: { file: 'arch/powerpc/lib/feature-fixups.c', symbol: consumer },
    phase: 'boot',
    patchesCode: true,
    effect: `${what}. Of the kernel image only: written at boot and whenever the mitigation is switched.`,
    hazard: {
      level: 'none',
      reason: 'No module has it; a copy of such code in a livepatch is never switched.',
    },
  };
}

/** Feature fixups of modules, and those that only the kernel image has. */
export const featureFixupSections: readonly SpecialSection[] = [
  fixups('__ftr_fixup', 'cpu_features'),
  fixups('__mmu_ftr_fixup', 'mmu_features'),
  fixups('__fw_ftr_fixup', 'powerpc_firmware_features'),
  {
    name: '__ftr_alt_*',
    layouts: [],
    consumer: featureFixups,
    phase: 'post_relocation',
    effect: 'Alternative instructions that feature fixups copy: code in a section that is not executable.',
    hazard: {
      level: 'low',
      reason: 'A late relocation changes what was copied from, not the code that runs.',
    },
  },
  {
    name: '__lwsync_fixup',
    layouts: [instructionPlace],
    consumer: { file: 'arch/powerpc/lib/feature-fixups.c', symbol: 'do_lwsync_fixups' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'On a CPU with CPU_FTR_LWSYNC the instruction, isync in the file, becomes lwsync.',
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  },
  {
    name: '__barrier_nospec_fixup',
    config: 'PPC_BARRIER_NOSPEC',
    layouts: [instructionPlace],
    phase: 'never',
    effect:
      'Speculation barriers, nops in the file. module_finalize() looks for __spec_barrier_fixup, which is what the linker ' +
      'script of vmlinux makes of it, so in modules they stay nops.',
    hazard: { level: 'none', reason: 'Never read in a module.' },
  },
  {
    name: '__spec_barrier_fixup',
    config: 'PPC_BARRIER_NOSPEC',
    layouts: [instructionPlace],
    consumer: { file: 'arch/powerpc/lib/feature-fixups.c', symbol: 'do_barrier_nospec_fixups_range' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Speculation barriers become instructions where the mitigation is on. No module has a section of this name.',
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  },

  imageTable(
    '__rfi_flush_fixup',
    'do_rfi_flush_fixups',
    'Flushes of the L1 data cache on return from the kernel',
  ),
  imageTable(
    '__entry_flush_fixup',
    'do_entry_flush_fixups',
    'Flushes of the L1 data cache on entry to the kernel',
  ),
  imageTable(
    '__scv_entry_flush_fixup',
    'do_entry_flush_fixups',
    'Flushes of the L1 data cache on entry by scv',
  ),
  imageTable(
    '__uaccess_flush_fixup',
    'do_uaccess_flush_fixups',
    'Flushes of the L1 data cache after user access',
  ),
  imageTable(
    '__stf_entry_barrier_fixup',
    'do_stf_barrier_fixups',
    'Store forwarding barriers on entry to the kernel',
  ),
  imageTable(
    '__stf_exit_barrier_fixup',
    'do_stf_barrier_fixups',
    'Store forwarding barriers on return from the kernel',
  ),
  imageTable('__btb_flush_fixup', 'do_btb_flush_fixups', 'Flushes of the branch target buffer', {
    size: 16,
    fields: { start: entryRelative64(0), end: entryRelative64(8) },
    structure: 'arch/powerpc/include/asm/feature-fixups.h START_BTB_FLUSH_SECTION',
  }),
];
