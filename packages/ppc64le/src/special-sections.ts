import {
  absoluteTables,
  bugEntry,
  bugTable,
  exceptionEntry,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  genericSections,
  jumpTable,
  padding,
  pointer,
  relativeJumpEntry,
  u16,
  type EntryLayout,
  type KernelSource,
  type SpecialSection,
} from '@kelp/core';
import { featureFixupSections } from './feature-fixups.ts';

/** Jump label entry of kernels without HAVE_ARCH_JUMP_LABEL_RELATIVE. */
const absoluteJumpEntry: EntryLayout = {
  applies: [{ before: '5.13' }],
  size: 24,
  fields: { code: pointer(0), target: pointer(8), key: pointer(16, { flags: 3 }) },
  structure: 'arch/powerpc/include/asm/jump_label.h struct jump_entry',
};

/** Bug entry of kernels without GENERIC_BUG_RELATIVE_POINTERS. */
const absoluteBugEntry: EntryLayout = {
  // Seen in 5.10, not in 6.1.
  applies: [{ before: '6.1' }],
  size: 24,
  fields: { bugAddr: pointer(0), file: pointer(8), line: u16(16), flags: u16(18), pad: padding(20, 4) },
  structure: 'include/asm-generic/bug.h struct bug_entry',
};

/** Tables about places in code that generic kernel code reads. */
const codeTables: readonly SpecialSection[] = [
  jumpTable({
    layouts: [absoluteJumpEntry, { ...relativeJumpEntry, applies: [{ since: '5.13' }] }],
    effect: 'Sorts the entries by key and code, attaches them to their keys, and turns each site into a branch or a nop.',
    lateRelocation: 'overwrites a field of another entry',
  }),
  exceptionTable({
    layouts: [exceptionEntry],
    // Seen in 6.1, not in 6.12.
    effect: 'Sorts the entries by instruction. Until WARN() stopped to use them, most entries were the traps of WARN().',
  }),
  bugTable({
    layouts: [absoluteBugEntry, { ...bugEntry, applies: [{ since: '6.1' }] }],
    effect: 'Says which file and line a trap instruction stands for; the flag of WARN_ON_ONCE() is stored in the entry.',
  }),
  ftraceCallSites('__mcount_loc', {
    layouts: [functionEntryAddress],
    effect: 'Calls of _mcount, which become nops until a function is traced.',
    config: 'FTRACE_MCOUNT_RECORD and not ARCH_USING_PATCHABLE_FUNCTION_ENTRY',
  }),
  ftraceCallSites('__patchable_function_entries', {
    // Seen in 6.12, not in 6.1.
    applies: [{ since: '6.12' }],
    layouts: [functionEntryAddress],
    effect:
      'Nops at function entries. With PPC_FTRACE_OUT_OF_LINE there is one nop, each function gets a stub of its own, and ' +
      'the section decides how much room .stubs needs.',
    config: 'ARCH_USING_PATCHABLE_FUNCTION_ENTRY',
  }),
];

const moduleLoader = 'arch/powerpc/kernel/module_64.c';
const sizing: KernelSource = { file: moduleLoader, symbol: 'module_frob_arch_sections' };
const tocModel = 'PPC_KERNEL_PCREL off';

/** What the loader addresses data and calls with. */
const linkageSections: readonly SpecialSection[] = [
  {
    name: '.toc',
    config: tocModel,
    layouts: [
      {
        size: 8,
        // A few slots hold constants.
        fields: { value: pointer(0, { optional: true }) },
        structure: 'arch/powerpc/include/asm/module.lds.h',
      },
    ],
    consumer: { file: moduleLoader, symbol: 'my_r2' },
    phase: 'relocate',
    effect: 'Addresses that code loads through r2, which points 0x8000 above the start; the linker puts .got in it, too.',
    hazard: { level: 'data', reason: 'One slot serves all functions of the livepatch, and holds 0 until the target is there.' },
  },
  {
    name: '.stubs',
    layouts: [],
    consumer: sizing,
    phase: 'layout',
    effect:
      'Empty in the file; gets room for a stub of 40 bytes for each target that R_PPC64_REL24 has in any RELA section, ' +
      'those of livepatches included. All RELA sections are sorted in place for it.',
    hazard: {
      level: 'low',
      reason:
        'A late relocation to a new address takes another slot. Slots are counted once and never freed, so that reloads use up ' +
        'whatever was counted too much.',
    },
  },
  {
    name: '.mygot',
    applies: [{ since: '6.4' }],
    config: 'PPC_KERNEL_PCREL',
    layouts: [],
    consumer: sizing,
    phase: 'layout',
    effect: 'Empty in the file; gets a slot of 8 bytes for each address that R_PPC64_GOT_PCREL34 loads, and for per-CPU symbols.',
    hazard: { level: 'high', reason: 'A plain store fills the slot of a late relocation, but the section is read-only by then.' },
  },
  {
    name: '.ftrace.tramp',
    // Seen in 6.1, not in 6.12.
    applies: [{ before: '6.12' }],
    layouts: [],
    phase: 'never',
    effect: 'Empty, left over from stubs for ftrace that now stand in .stubs.',
    hazard: { level: 'none', reason: 'It has no bytes.' },
  },
  {
    name: '.sfpr',
    layouts: [],
    phase: 'never',
    effect: 'Functions that save and restore registers, which the linker makes for code that calls them; empty in modules.',
    hazard: { level: 'none', reason: 'The functions refer to nothing.' },
  },
  {
    name: '.opd',
    config: 'PPC64_ELF_ABI_V1',
    layouts: [],
    consumer: { file: 'arch/powerpc/kernel/module.c', symbol: 'module_finalize' },
    phase: 'post_relocation',
    effect: 'Function descriptors of the first ELF ABI. Little-endian kernels use the second, which has none.',
    hazard: { level: 'data', reason: 'A descriptor holds the address of its function.' },
  },
];

/** Address ranges that interrupt return code of the kernel image looks up. */
function interruptRanges(name: string, consumer: string, effect: string): SpecialSection {
  return {
    name,
    // Seen in 6.1, not in 5.10.
    applies: [{ since: '6.1' }],
    config: 'PPC64',
    layouts: [],
    consumer: { file: 'arch/powerpc/lib/restart_table.c', symbol: consumer },
    phase: 'run_time',
    effect: `${effect} Of the kernel image only.`,
    hazard: { level: 'none', reason: 'No module has it.' },
  };
}

export const specialSections: readonly SpecialSection[] = [
  ...genericSections,
  ...absoluteTables,
  ...codeTables,
  ...featureFixupSections,
  ...linkageSections,
  interruptRanges('__soft_mask_table', 'search_kernel_soft_mask_table', 'Ranges of assembly in which interrupts count as disabled.'),
  interruptRanges('__restart_table', 'search_kernel_restart_table', 'Ranges of interrupt return code that start over when interrupted.'),
];
