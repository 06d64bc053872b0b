import {
  bitFields,
  bugEntry,
  bugEntryWithFormat,
  bugTable,
  characters,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  genericSections,
  jumpTable,
  kcfiTraps,
  pcRelative32,
  pointer,
  prel32Tables,
  relativeJumpEntry,
  runtimeConstants,
  s16,
  u32,
  type SpecialSection,
} from '@kelp/core';
import { patchedCodeSections } from './special-sections-patched-code.ts';

// Layouts: arch/x86/include/asm and include/linux. Consumers: what load_module() runs before and after the patching of
// module_finalize(). Objtool writes the ORC tables, .static_call_sites and __mcount_loc.

const extable = 'arch/x86/include/asm/extable.h struct exception_table_entry';

/** Every special section of modules, livepatches and vmlinux on x86-64. */
export const specialSections: readonly SpecialSection[] = [
  ...genericSections,
  ...prel32Tables,
  ...kcfiTraps,
  ...runtimeConstants('x86'),
  ...patchedCodeSections,

  // Static calls and jump labels.
  {
    name: '.static_call_sites',
    config: 'HAVE_STATIC_CALL_INLINE',
    layouts: [
      {
        size: 8,
        // Bit 0 of key: tail call, bit 1: init text.
        fields: { addr: pcRelative32(0), key: pcRelative32(4, { flags: 3 }) },
        structure: 'include/linux/static_call_types.h struct static_call_site',
      },
    ],
    consumer: { file: 'kernel/static_call_inline.c', symbol: 'static_call_add_module' },
    phase: 'coming',
    patchesCode: true,
    sorted: true,
    effect:
      'Sorts the sites by key, attaches them to the key and rewrites each: a direct call or jump, a nop, a return, or a short sequence that stands for a well-known target.',
    hazard: {
      level: 'high',
      reason:
        'A key that is not resolved yet points at its own field, and what lies there is taken for function pointer and list; the table is sorted by then, so the late relocation hits another entry or is refused as not zero.',
    },
  },
  {
    name: '.static_call.text',
    config: 'HAVE_STATIC_CALL',
    layouts: [],
    consumer: { file: 'arch/x86/kernel/static_call.c', symbol: '__static_call_fixup' },
    phase: 'run_time',
    patchesCode: true,
    effect: 'Trampolines of static calls: a 5-byte jump or return and a marker, rewritten when the call changes.',
    hazard: { level: 'low', reason: 'A copied trampoline is not the one that static_call_update() rewrites.' },
  },
  {
    name: '.static_call_tramp_key',
    config: 'HAVE_STATIC_CALL_INLINE',
    layouts: [
      {
        size: 8,
        fields: { tramp: pcRelative32(0), key: pcRelative32(4) },
        structure: 'include/linux/static_call_types.h struct static_call_tramp_key',
      },
    ],
    consumer: { file: 'kernel/static_call_inline.c', symbol: 'tramp_key_lookup' },
    phase: 'coming',
    effect: 'In vmlinux: leads from the trampoline of a key that is not exported to the key, when other modules are loaded.',
    hazard: { level: 'none', reason: 'Only vmlinux has it.' },
  },
  jumpTable({
    layouts: [relativeJumpEntry],
    effect:
      'Sorts the entries by key and code, attaches them to the key and rewrites sites that must change: jump or nop, 2 or 5 bytes long (5 bytes only before 6.1). Objtool has set bit 1 of the key where it wrote the nop already.',
    lateRelocation: 'is refused as not zero, which refuses the target module, or reaches another entry',
  }),

  // Faults, warnings, unwinding.
  exceptionTable({
    layouts: [
      {
        applies: [{ before: '5.16' }],
        size: 12,
        fields: { insn: pcRelative32(0), fixup: pcRelative32(4), handler: pcRelative32(8) },
        structure: extable,
      },
      {
        applies: [{ since: '5.16' }],
        size: 12,
        // data: type 8 bits, register 4, flags 4, immediate 16.
        fields: { insn: pcRelative32(0), fixup: pcRelative32(4), data: u32(8) },
        structure: extable,
      },
    ],
    effect: 'Sorts the entries by instruction, to be searched on faults.',
  }),
  bugTable({
    layouts: [
      { ...bugEntry, applies: [{ before: '7.2' }] },
      // Seen in 7.2, not in 6.12.
      { ...bugEntryWithFormat, applies: [{ since: '7.2' }] },
    ],
    effect:
      'Links the table for lookup by the address of a ud2. Where the entry names a format and a warning has arguments, text loads the address of the entry, and the entry names the instruction behind that load.',
  }),
  {
    name: '.orc_unwind_ip',
    config: 'UNWINDER_ORC',
    layouts: [{ size: 4, fields: { ip: pcRelative32(0) }, structure: 'arch/x86/kernel/unwind_orc.c __start_orc_unwind_ip' }],
    consumer: { file: 'arch/x86/kernel/unwind_orc.c', symbol: 'unwind_module_init' },
    phase: 'post_relocation',
    sorted: true,
    effect: 'Addresses, sorted together with .orc_unwind, which has the same number of entries.',
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  },
  {
    name: '.orc_unwind',
    config: 'UNWINDER_ORC',
    layouts: [
      {
        applies: [{ before: '6.4' }],
        size: 6,
        // sp_reg 4 bits, bp_reg 4, type 2, end 1; in 6.3 signal 1 before end.
        fields: { spOffset: s16(0), bpOffset: s16(2), spRegBpRegTypeEnd: bitFields(4, 2) },
        structure: 'arch/x86/include/asm/orc_types.h struct orc_entry',
      },
      {
        // sp_reg 4 bits, bp_reg 4, type 3, signal 1.
        applies: [{ since: '6.4' }],
        size: 6,
        fields: { spOffset: s16(0), bpOffset: s16(2), spRegBpRegTypeSignal: bitFields(4, 2) },
        structure: 'arch/x86/include/asm/orc_types.h struct orc_entry',
      },
    ],
    consumer: { file: 'arch/x86/kernel/unwind_orc.c', symbol: 'unwind_module_init' },
    phase: 'post_relocation',
    sorted: true,
    effect: 'How to unwind the stack from each address of .orc_unwind_ip.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },
  {
    name: '.orc_header',
    // Seen in 6.12, not in 6.1.
    applies: [{ since: '6.12' }],
    config: 'UNWINDER_ORC',
    layouts: [{ size: 20, fields: { hash: characters(0, 20) }, structure: 'arch/x86/include/asm/orc_header.h ORC_HEADER' }],
    phase: 'never',
    effect: 'Hash of the ORC format, for debuggers.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },

  // Function entries.
  ftraceCallSites('__mcount_loc', {
    layouts: [functionEntryAddress],
    effect: 'Sorts the addresses and turns each 5-byte call of __fentry__ into a nop, unless the build did.',
  }),
  {
    name: '__patchable_function_entries',
    applies: [{ since: '6.2' }],
    config: 'CALL_PADDING',
    layouts: [{ size: 8, fields: { prefix: pointer(0) }, structure: 'scripts/module.lds.S __patchable_function_entries' }],
    phase: 'never',
    effect: 'Addresses of the nops before functions that the compiler option leaves behind; ftrace uses __mcount_loc.',
    hazard: { level: 'none', reason: 'Nothing reads it.' },
  },
];
