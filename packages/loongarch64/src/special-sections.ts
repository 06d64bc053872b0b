import {
  absoluteTables,
  bitFields,
  bugEntry,
  bugTable,
  characters,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  genericSections,
  jumpTable,
  pcRelative32,
  relativeJumpEntry,
  s16,
  typedExceptionEntry,
  u16,
  u8,
  type Applicability,
  type SpecialSection,
} from '@kelp/core';

// Layouts: include/linux and arch/loongarch/include/asm. Consumers: what load_module() runs.
//
// Modules of kernels before livepatching (6.1) fill a distance by two relocations, one that adds and one that subtracts;
// their tables are not described here.

// Seen in 6.12, not in 6.1: alternatives, jump labels, tracing of functions, ORC tables, exceptions by distance.
const since612: readonly Applicability[] = [{ since: '6.12' }];

/** Sections that a module must have for what the loader puts into them. */
function filledByLoader(name: string, effect: string, applies?: readonly Applicability[]): SpecialSection {
  return {
    name,
    ...(applies === undefined ? {} : { applies }),
    layouts: [],
    consumer: { file: 'arch/loongarch/kernel/module-sections.c', symbol: 'module_frob_arch_sections' },
    phase: 'layout',
    effect,
    hazard: { level: 'none', reason: 'No relocation lands here, but without the section the module is refused.' },
  };
}

/** Every special section: those of all architectures, then its own. */
export const specialSections: readonly SpecialSection[] = [
  ...genericSections,
  ...absoluteTables,

  {
    name: '.altinstructions',
    applies: since612,
    layouts: [
      {
        size: 12,
        fields: {
          instrOffset: pcRelative32(0),
          replaceOffset: pcRelative32(4),
          feature: u16(8),
          instrlen: u8(10),
          replacementlen: u8(11),
        },
        structure: 'arch/loongarch/include/asm/alternative.h struct alt_instr',
      },
    ],
    consumer: { file: 'arch/loongarch/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    patchesCode: true,
    effect: 'Copies the replacement over the original where the CPU has the feature, and fills up with nops.',
    hazard: { level: 'high', reason: 'Relocated late, an entry names another place by then, or is applied a second time.' },
  },
  {
    name: '.altinstr_replacement',
    applies: since612,
    layouts: [],
    consumer: { file: 'arch/loongarch/kernel/alternative.c', symbol: 'apply_alternatives' },
    phase: 'post_relocation',
    effect: 'Instructions that .altinstructions copies.',
    hazard: { level: 'high', reason: 'What is relocated late has been copied before, with the old value.' },
  },
  jumpTable({
    applies: since612,
    layouts: [relativeJumpEntry],
    effect: 'Sorts the entries by key and code, attaches them to the key and rewrites sites that must change: b or nop.',
    lateRelocation: 'reaches another entry, since the table has been sorted',
  }),
  exceptionTable({
    applies: since612,
    layouts: [typedExceptionEntry],
    effect: 'Sorts the entries by instruction, to be searched on faults.',
  }),
  bugTable({ layouts: [bugEntry], effect: 'Links the table for lookup by the address of a break instruction.' }),
  ftraceCallSites('__patchable_function_entries', {
    applies: since612,
    layouts: [functionEntryAddress],
    effect: 'Sorts the addresses; the two nops of each function become a call when somebody traces it.',
  }),
  {
    name: '.orc_unwind_ip',
    applies: since612,
    config: 'UNWINDER_ORC',
    layouts: [{ size: 4, fields: { ip: pcRelative32(0) }, structure: 'arch/loongarch/kernel/unwind_orc.c __start_orc_unwind_ip' }],
    consumer: { file: 'arch/loongarch/kernel/unwind_orc.c', symbol: 'unwind_module_init' },
    phase: 'post_relocation',
    sorted: true,
    effect: 'Addresses, sorted together with .orc_unwind, which has the same number of entries.',
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  },
  {
    name: '.orc_unwind',
    applies: since612,
    config: 'UNWINDER_ORC',
    layouts: [
      {
        size: 8,
        // sp_reg 4 bits, fp_reg 4, ra_reg 4, type 3, signal 1.
        fields: { spOffset: s16(0), fpOffset: s16(2), raOffset: s16(4), registersTypeSignal: bitFields(6, 2) },
        structure: 'arch/loongarch/include/asm/orc_types.h struct orc_entry',
      },
    ],
    consumer: { file: 'arch/loongarch/kernel/unwind_orc.c', symbol: 'unwind_module_init' },
    phase: 'post_relocation',
    sorted: true,
    effect: 'How to unwind the stack from each address of .orc_unwind_ip.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },
  {
    name: '.orc_header',
    applies: since612,
    config: 'UNWINDER_ORC',
    layouts: [{ size: 20, fields: { hash: characters(0, 20) }, structure: 'arch/loongarch/include/asm/orc_header.h ORC_HEADER' }],
    phase: 'never',
    effect: 'Hash of the ORC format, for debuggers.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },

  filledByLoader('.got', 'Addresses of symbols that GOT_PC relocations name, a slot each.'),
  filledByLoader('.plt', 'Four instructions for each target of a branch beyond 128 MiB.'),
  filledByLoader('.plt.idx', 'Targets of the entries of .plt.'),
  filledByLoader('.ftrace_trampoline', 'PLT entries for ftrace_caller and ftrace_regs_caller.', since612),
];
