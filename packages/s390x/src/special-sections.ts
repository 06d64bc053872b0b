import {
  absoluteTables,
  bitFields,
  bugEntry,
  bugEntryWithFormat,
  bugTable,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  genericSections,
  jumpTable,
  pcRelative32,
  pcRelative64,
  pointer,
  relativeJumpEntry,
  typedExceptionEntry,
  u16,
  u8,
  type EntryLayout,
  type KernelSource,
  type SpecialSection,
} from '@kelp/core';

const alternativeHeader = 'arch/s390/include/asm/alternative.h struct alt_instr';

/** struct alt_instr is packed: entries of 11 and 13 bytes are not aligned. */
export const alternativeEntries: readonly EntryLayout[] = [
  {
    applies: [{ before: '6.1' }],
    size: 12,
    fields: { instrOffset: pcRelative32(0), replOffset: pcRelative32(4), facility: u16(8), instrlen: u8(10), replacementlen: u8(11) },
    structure: alternativeHeader,
  },
  {
    // Original and replacement have the same length: seen in 6.1, not in 5.10.
    applies: [{ since: '6.1', before: '6.12' }],
    size: 11,
    fields: { instrOffset: pcRelative32(0), replOffset: pcRelative32(4), facility: u16(8), instrlen: u8(10) },
    structure: alternativeHeader,
  },
  {
    // Seen in 6.12, not in 6.1. From the most significant bit: ctx:4, type:8, data:20.
    applies: [{ since: '6.12' }],
    size: 13,
    fields: { instrOffset: pcRelative32(0), replOffset: pcRelative32(4), feature: bitFields(8, 4), instrlen: u8(12) },
    structure: alternativeHeader,
  },
];

/** Exception table entry without a handler type. Most entries have no handler: the field is zero then. */
const handlerExceptionEntry: EntryLayout = {
  applies: [{ before: '6.1' }],
  size: 16,
  fields: { insn: pcRelative32(0), fixup: pcRelative32(4), handler: pcRelative64(8, { optional: true }) },
  structure: 'arch/s390/include/asm/extable.h struct exception_table_entry',
};

/** Instructions that the kernel replaces when the module is loaded. */
const alternativeSections: readonly SpecialSection[] = [
  {
    name: '.altinstructions',
    layouts: alternativeEntries,
    consumer: { file: 'arch/s390/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    patchesCode: true,
    // The types: 6.12 has facility, spec, lowcore as 0, 1, 2; 7.2 has facility, machine feature, spec.
    effect:
      'Copies a replacement over the original where the machine has a facility, or since 6.12 another feature. ' +
      'Distances in the copy are not adjusted. Before 6.1 a shorter replacement was padded with nops.',
    hazard: {
      level: 'low',
      reason: 'Both references are local; it is the replacement that must not need a late relocation.',
    },
  },
  {
    name: '.altinstr_replacement',
    layouts: [],
    consumer: { file: 'arch/s390/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    effect: 'Replacement instructions, reached through .altinstructions.',
    hazard: {
      level: 'high',
      reason: 'A late relocation lands in the template, whose unrelocated bytes have been copied into the code by then.',
    },
  },
];

/** Tables about places in code that generic kernel code reads. */
const codeTables: readonly SpecialSection[] = [
  jumpTable({
    layouts: [relativeJumpEntry],
    effect:
      'Sorts the entries by key and code, attaches them to their keys, and turns each site into brcl 15 (a jump) or brcl 0 ' +
      '(a nop) of 6 bytes.',
    lateRelocation: 'overwrites a field of another entry',
  }),
  exceptionTable({
    // Seen in 6.1, not in 5.10.
    layouts: [handlerExceptionEntry, { ...typedExceptionEntry, applies: [{ since: '6.1' }] }],
    effect: 'Sorts the entries by instruction; a fault at an instruction continues at its fixup.',
  }),
  bugTable({
    layouts: [
      { ...bugEntry, applies: [{ before: '7.2' }] },
      // HAVE_ARCH_BUG_FORMAT: seen in 7.2, not in 6.12.
      { ...bugEntryWithFormat, applies: [{ since: '7.2' }] },
    ],
    effect:
      'Says which file and line a monitor call stands for; the flag of WARN_ON_ONCE() is stored in the entry. Since 7.2 a ' +
      'warning with arguments has no monitor call: its entry names the larl that loads the address of the entry.',
  }),
  ftraceCallSites('__mcount_loc', {
    layouts: [functionEntryAddress],
    effect:
      'brcl 0 at function entries stays the nop it is. Since 6.1 module_finalize() allocates a trampoline of 24 bytes for ' +
      'each, and CPUs without the sequential-instruction facility get its distance stored in the nop.',
  }),
];

/** One place that a list of expoline sites names. */
export const expolineSite: EntryLayout = {
  size: 4,
  fields: { insn: pcRelative32(0) },
  structure: 'arch/s390/kernel/nospec-branch.c s32',
};

/** The address of one instruction that loads the address of the stack protector's canary. */
export const stackProtectorSite: EntryLayout = {
  size: 8,
  fields: { insn: pointer(0) },
  structure: 'arch/s390/kernel/stackprotector.c struct insn_ril',
};

const nospecRevert: KernelSource = { file: 'arch/s390/kernel/nospec-branch.c', symbol: 'nospec_revert' };

/** Sites of one kind of indirect branch; the loader goes by the start of the name. */
function expolineSites(name: string, site: string, structure: string): SpecialSection {
  return {
    name,
    config: 'EXPOLINE',
    layouts: [{ ...expolineSite, structure }],
    consumer: nospecRevert,
    phase: 'post_relocation',
    patchesCode: true,
    effect: `${site} through an expoline thunk; without expolines (nospec) each becomes a plain indirect branch and a nop.`,
    hazard: {
      level: 'low',
      reason: 'The thunks are exported or in the module. A late relocation of a rewritten branch destroys it.',
    },
  };
}

/** Branches and loads that depend on how the kernel was built and started. */
const mitigationSections: readonly SpecialSection[] = [
  expolineSites('.s390_indirect_branches', 'Indirect branches of assembler code', 'arch/s390/include/asm/nospec-insn.h'),
  expolineSites('.s390_indirect_jump', 'Indirect jumps', 'gcc -mindirect-branch-table'),
  expolineSites('.s390_indirect_call', 'Indirect calls', 'gcc -mindirect-branch-table'),
  expolineSites('.s390_return_mem', 'Returns to an address loaded from memory', 'gcc -mindirect-branch-table'),
  expolineSites('.s390_return_reg', 'Returns to an address in a register', 'gcc -mindirect-branch-table'),
  {
    name: '__stack_protector_loc',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    config: 'STACKPROTECTOR',
    layouts: [stackProtectorSite],
    consumer: { file: 'arch/s390/kernel/stackprotector.c', symbol: '__stack_protector_apply' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Each larl or lgrl of __stack_chk_guard becomes llilf with the address of the canary in the lowcore. Any other ' +
      'instruction refuses the module with EINVAL.',
    hazard: {
      level: 'low',
      reason:
        'The addresses lie in the module itself. The reference to __stack_chk_guard must stay an ordinary relocation: ' +
        'written late, it destroys the address of the canary.',
    },
  },
];

const notInModules = 'Never read in a module.';

/** Addresses of 32-bit operands that runtime_const_init() of the kernel image fills in. */
function runtimeConstants(name: string, applies: NonNullable<SpecialSection['applies']>): SpecialSection {
  return {
    name,
    applies,
    layouts: [{ size: 4, fields: { insn: pcRelative32(0) }, structure: 'arch/s390/include/asm/runtime-const.h' }],
    consumer: { file: 'arch/s390/include/asm/runtime-const.h', symbol: 'runtime_const_fixup' },
    phase: 'boot',
    patchesCode: true,
    effect: 'Instructions whose immediate operand the kernel fixes while it boots.',
    hazard: {
      level: 'high',
      reason: 'Nothing patches a copy of such a function in a livepatch: it keeps the placeholder of the build.',
    },
  };
}

/** Sections of the kernel image, for which a module has no use. */
const imageSections: readonly SpecialSection[] = [
  // Seen in 6.12, not in 6.1.
  runtimeConstants('runtime_ptr_*', [{ since: '6.12' }]),
  runtimeConstants('runtime_shift_*', [{ since: '6.12' }]),
  // Seen in 7.3, not in 7.2.
  runtimeConstants('runtime_mask_*', [{ since: '7.3' }]),
  {
    name: '.amode31.*',
    // Seen in 6.1, not in 5.10.
    applies: [{ since: '6.1' }],
    layouts: [],
    consumer: { file: 'arch/s390/kernel/vmlinux.lds.S' },
    phase: 'boot',
    effect: 'Code and tables for the 31-bit addressing mode.',
    hazard: { level: 'none', reason: notInModules },
  },
  {
    name: '.skey_region',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    layouts: [
      {
        size: 16,
        fields: { start: pointer(0), end: pointer(8) },
        structure: 'arch/s390/include/asm/skey.h struct skey_region',
      },
    ],
    consumer: { file: 'arch/s390/kernel/vmlinux.lds.S' },
    phase: 'boot',
    effect: 'Ranges of instructions that work on storage keys.',
    hazard: { level: 'none', reason: notInModules },
  },
  {
    name: '.s390dbf_info',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    layouts: [{ size: 8, fields: { info: pointer(0) }, structure: 'arch/s390/include/asm/debug.h debug_info_t *' }],
    consumer: { file: 'arch/s390/kernel/vmlinux.lds.S' },
    phase: 'boot',
    effect: 'Debug areas of the s390 debug feature that exist from the start.',
    hazard: { level: 'none', reason: notInModules },
  },
];

/** The special sections of s390x: generic ones, and 64-bit pointers where other architectures have 32-bit references. */
export const specialSections: readonly SpecialSection[] = [
  ...genericSections,
  ...absoluteTables,
  ...codeTables,
  ...alternativeSections,
  ...mitigationSections,
  ...imageSections,
];
