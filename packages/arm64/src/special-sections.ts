import {
  bugEntry,
  bugTable,
  exceptionEntry,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  genericSections,
  jumpTable,
  pcRelative32,
  prel32Tables,
  relativeJumpEntry,
  typedExceptionEntry,
  u16,
  u8,
  type EntryLayout,
  type KernelSource,
  type SpecialSection,
} from '@kelp/core';
import { initTrampolines } from './ftrace-trampolines.ts';

/** struct alt_instr. */
export const alternativeEntry = {
  size: 12,
  fields: { origOffset: pcRelative32(0), altOffset: pcRelative32(4), cpucap: u16(8), origLen: u8(10), altLen: u8(11) },
  structure: 'arch/arm64/include/asm/alternative.h struct alt_instr',
} as const satisfies EntryLayout;

/** Tables about places in code. */
const codeTables: readonly SpecialSection[] = [
  {
    name: '.altinstructions',
    layouts: [alternativeEntry],
    consumer: { file: 'arch/arm64/kernel/alternative.c', symbol: 'apply_alternatives_module' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Copies a replacement of equal length over the original for each CPU capability that was found, re-aiming branches and ADRP. ' +
      'An entry with altLen 0 is a callback instead: the function at altOffset writes the instructions. Until 6.0 such an entry has a ' +
      'capability number of its own, later bit 15 of cpucap is set. Since 6.18 a callback outside core kernel text refuses the module. ' +
      'Replacements stand in subsection 1 of the same text section.',
    hazard: {
      level: 'high',
      reason:
        'A callback that is not resolved yet is the address of the field itself: newer kernels refuse the livepatch, older ones jump to data. ' +
        'A late relocation of replaced code overwrites the replacement.',
    },
  },
  jumpTable({
    layouts: [relativeJumpEntry],
    effect: 'Sorts the entries by key and code, attaches them to their keys, and writes B or NOP at each site.',
    lateRelocation: 'overwrites a field of another entry',
  }),
  exceptionTable({
    layouts: [
      { ...exceptionEntry, applies: [{ before: '5.16' }] },
      { ...typedExceptionEntry, applies: [{ since: '5.16' }] },
    ],
    effect: 'Sorts the entries by instruction; a fault looks its fixup up. Since 5.16 type says how the fixup is done.',
  }),
  bugTable({
    layouts: [bugEntry],
    effect: 'Says which file and line a BRK instruction stands for; the flag of WARN_ON_ONCE() is stored in the entry.',
  }),
  ftraceCallSites('__patchable_function_entries', {
    layouts: [functionEntryAddress],
    config: 'DYNAMIC_FTRACE_WITH_ARGS, before 6.2 DYNAMIC_FTRACE_WITH_REGS',
    effect:
      'Each entry stands for two NOPs at the start of a function, after BTI if there is one; the first becomes MOV X9, X30. With ' +
      'DYNAMIC_FTRACE_WITH_CALL_OPS, since 6.3, the entry is 8 bytes before the function, where the pointer to its ftrace_ops goes.',
  }),
  {
    name: '__kcfi_traps',
    applies: [{ since: '6.1' }],
    config: 'ARCH_USES_CFI_TRAPS, which arm64 does not select: a failed check is a BRK that says which registers it used',
    layouts: [{ size: 4, fields: { site: pcRelative32(0) }, structure: 'scripts/module.lds.S .kcfi_traps' }],
    consumer: { file: 'kernel/cfi.c', symbol: 'module_cfi_finalize' },
    phase: 'complete_formation',
    effect: 'Addresses of the trap instructions of failed control-flow checks.',
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  },
];

const plts: KernelSource = { file: 'arch/arm64/kernel/module-plts.c', symbol: 'module_frob_arch_sections' };

function pltSection(name: '.plt' | '.init.plt', memory: string): SpecialSection {
  return {
    name,
    config: 'always since 6.5, ARM64_MODULE_PLTS before',
    layouts: [],
    consumer: plts,
    phase: 'layout',
    effect:
      `One byte in the file. The loader counts branches to other sections, and on CPUs with erratum 843419 ADRP instructions, ` +
      `and makes room for that many entries of 12 bytes plus one in ${memory}.`,
    hazard: {
      level: 'low',
      reason:
        'Branches of a livepatch are counted too, so there is room; but an entry that is made late is stored into read-only text and faults.',
    },
  };
}

/** Sections that the loader fills itself. asm/module.lds.h puts a placeholder into every module. */
const linkageSections: readonly SpecialSection[] = [
  pltSection('.plt', 'core text'),
  pltSection('.init.plt', 'init text'),
  {
    name: '.text.ftrace_trampoline',
    config: 'DYNAMIC_FTRACE, before 6.5 with ARM64_MODULE_PLTS',
    layouts: [],
    consumer: { file: 'arch/arm64/kernel/module.c', symbol: 'module_init_ftrace_plt' },
    phase: 'post_relocation',
    effect: 'One byte in the file, a PLT entry for ftrace_caller in memory; until 6.1 a second one for ftrace_regs_caller.',
    hazard: { level: 'none', reason: 'No relocation lands here, but without the section the module is refused.' },
  },
  {
    name: '.init.text.ftrace_trampoline',
    applies: initTrampolines,
    config: 'DYNAMIC_FTRACE',
    layouts: [],
    consumer: { file: 'arch/arm64/kernel/module.c', symbol: 'module_init_ftrace_plt' },
    phase: 'post_relocation',
    effect: 'The same for functions in init text, which may lie out of reach of .text.ftrace_trampoline.',
    hazard: { level: 'none', reason: 'No relocation lands here, but without the section the module is refused.' },
  },
  {
    name: '.init.eh_frame',
    applies: [{ since: '6.2' }],
    config: 'UNWIND_TABLES; read with UNWIND_PATCH_PAC_INTO_SCS',
    layouts: [],
    consumer: { file: 'arch/arm64/kernel/module.c', symbol: 'module_finalize' },
    phase: 'post_relocation',
    patchesCode: true,
    effect:
      'Unwind tables (.eh_frame). On a CPU without pointer authentication they show scs_patch() each PACIASP and AUTIASP, which become ' +
      'push and pop of the shadow call stack. Since 6.18 a table that cannot be read refuses the module.',
    hazard: { level: 'none', reason: 'All addresses lie in the module itself.' },
  },
];

/** A vmlinux-only list of places where runtime_const_init() patches a constant into code at boot. */
function runtimeConstants(name: string, since: '6.11' | '7.3', placeholder: string): SpecialSection {
  return {
    name,
    applies: [{ since }],
    layouts: [{ size: 4, fields: { place: pcRelative32(0) }, structure: 'arch/arm64/include/asm/runtime-const.h' }],
    consumer: { file: 'arch/arm64/include/asm/runtime-const.h', symbol: 'runtime_const_fixup' },
    phase: 'boot',
    patchesCode: true,
    effect: 'Places in vmlinux that get their constant at boot. The header refuses to be compiled into a module.',
    hazard: {
      level: 'high',
      reason: `A function copied from vmlinux into a livepatch keeps the placeholder ${placeholder}: nothing patches it there.`,
    },
  };
}

/** Sections of the kernel image that a module must not have. */
const imageSections: readonly SpecialSection[] = [
  runtimeConstants('runtime_ptr_*', '6.11', '0x0123456789abcdef'),
  runtimeConstants('runtime_shift_*', '6.11', '12'),
  // Seen in 7.3, not in 7.2.
  runtimeConstants('runtime_mask_*', '7.3', '0x12345678'),
  {
    name: '.hyp.*',
    config: 'KVM',
    layouts: [],
    consumer: { file: 'arch/arm64/kernel/vmlinux.lds.S' },
    phase: 'boot',
    patchesCode: true,
    effect: 'Code and data of the hypervisor part of KVM, patched at boot for the address space in which it runs. Not in modules.',
    hazard: { level: 'none', reason: 'A livepatch does not reach code that runs at the hypervisor level.' },
  },
];

/** Every special section of arm64. */
export const specialSections: readonly SpecialSection[] = [
  ...genericSections,
  ...prel32Tables,
  ...codeTables,
  ...linkageSections,
  ...imageSections,
];
