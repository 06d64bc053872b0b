import { pcRelative32, pcRelative64, pointer, s16, u16, type EntryLayout } from '../entry-layout.ts';
import type { Applicability } from '../kernel.ts';
import type { SpecialSection } from '../special-section.ts';

// Tables about places in code that all architectures have and generic kernel code reads. Entry layouts and what the
// consumer writes differ by architecture and kernel, so each architecture makes its rows from these.

/** Jump label entry with relative references: HAVE_ARCH_JUMP_LABEL_RELATIVE. Bit 0 of key: branch, bit 1: init text. */
export const relativeJumpEntry = {
  size: 16,
  fields: { code: pcRelative32(0), target: pcRelative32(4), key: pcRelative64(8, { flags: 3 }) },
  structure: 'include/linux/jump_label.h struct jump_entry',
} as const satisfies EntryLayout;

/** Exception table entry of two relative references: ARCH_HAS_RELATIVE_EXTABLE without a handler type. */
export const exceptionEntry = {
  size: 8,
  fields: { insn: pcRelative32(0), fixup: pcRelative32(4) },
  structure: 'arch/*/include/asm/extable.h struct exception_table_entry',
} as const satisfies EntryLayout;

/** Exception table entry with a handler type and its data: arm64 and s390x in newer kernels. */
export const typedExceptionEntry = {
  size: 12,
  fields: { insn: pcRelative32(0), fixup: pcRelative32(4), type: s16(8), data: s16(10) },
  structure: 'arch/*/include/asm/extable.h struct exception_table_entry',
} as const satisfies EntryLayout;

/** Bug entry with relative references and source position: GENERIC_BUG_RELATIVE_POINTERS and DEBUG_BUGVERBOSE. */
export const bugEntry = {
  size: 12,
  fields: { bugAddr: pcRelative32(0), file: pcRelative32(4), line: u16(8), flags: u16(10) },
  structure: 'include/asm-generic/bug.h struct bug_entry',
} as const satisfies EntryLayout;

/** Bug entry that also names the format of its message: HAVE_ARCH_BUG_FORMAT. */
export const bugEntryWithFormat = {
  size: 16,
  fields: {
    bugAddr: pcRelative32(0),
    format: pcRelative32(4),
    file: pcRelative32(8),
    line: u16(12),
    flags: u16(14),
  },
  structure: 'include/asm-generic/bug.h struct bug_entry',
} as const satisfies EntryLayout;

/** Address of an ftrace call site. */
export const functionEntryAddress = {
  size: 8,
  fields: { ip: pointer(0) },
  structure: 'include/linux/ftrace.h FTRACE_CALLSITE_SECTION',
} as const satisfies EntryLayout;

/** What an architecture says about a table that generic code reads. */
export interface CodeTable {
  readonly applies?: readonly Applicability[];
  readonly layouts: readonly EntryLayout[];
  /** What the consumer does on this architecture, one or two sentences. */
  readonly effect: string;
  readonly config?: string;
}

/** The row of __jump_table. `lateRelocation`: what a late relocation does to a sorted table on this architecture. */
export function jumpTable(table: CodeTable & { readonly lateRelocation: string }): SpecialSection {
  const { lateRelocation, ...row } = table;
  return {
    config: 'JUMP_LABEL',
    ...row,
    name: '__jump_table',
    consumer: { file: 'kernel/jump_label.c', symbol: 'jump_label_add_module' },
    phase: 'coming',
    patchesCode: true,
    sorted: true,
    hazard: {
      level: 'high',
      reason: `A key that is not resolved yet points at its own entry, so the kernel writes into the next one; the table is sorted by then, and the late relocation ${lateRelocation}.`,
    },
  };
}

/** The row of __ex_table. */
export function exceptionTable(table: CodeTable): SpecialSection {
  return {
    ...table,
    name: '__ex_table',
    consumer: { file: 'kernel/module/main.c', symbol: 'post_relocation' },
    phase: 'post_relocation',
    sorted: true,
    hazard: {
      level: 'data',
      reason: 'Instruction and fixup lie in the module itself; sorted with an unresolved field, the table cannot be searched.',
    },
  };
}

/** The row of __bug_table. */
export function bugTable(table: CodeTable): SpecialSection {
  return {
    config: 'GENERIC_BUG',
    ...table,
    name: '__bug_table',
    consumer: { file: 'lib/bug.c', symbol: 'module_bug_finalize' },
    phase: 'complete_formation',
    hazard: {
      level: 'low',
      reason:
        'All references are local. The kernel stores a flag in the entry at run time, and text may refer to its entry, so entries must keep their identity.',
    },
  };
}

/** The row of __mcount_loc or of __patchable_function_entries where ftrace reads it. */
export function ftraceCallSites(name: '__mcount_loc' | '__patchable_function_entries', table: CodeTable): SpecialSection {
  return {
    config: 'FTRACE_MCOUNT_RECORD',
    ...table,
    name,
    consumer: { file: 'kernel/trace/ftrace.c', symbol: 'ftrace_process_locs' },
    phase: 'ftrace',
    patchesCode: true,
    sorted: true,
    hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
  };
}

/** Traps of forward-edge control-flow integrity: name in the object file, and name in the module after its linker script. */
export const kcfiTraps: readonly SpecialSection[] = ['.kcfi_traps', '__kcfi_traps'].map((name) => ({
  name,
  applies: [{ since: '6.1' }],
  config: 'ARCH_USES_CFI_TRAPS',
  layouts: [{ size: 4, fields: { trap: pcRelative32(0) }, structure: 'scripts/module.lds.S __kcfi_traps' }],
  consumer: { file: 'kernel/cfi.c', symbol: 'module_cfi_finalize' },
  phase: 'complete_formation',
  effect: 'Addresses of the trap instructions of type checks, looked up when a trap is taken.',
  hazard: { level: 'none', reason: 'The addresses lie in the module itself.' },
}));

/**
 * Constants that the kernel image writes into its own instructions at boot; a module cannot have any.
 *
 * @param folder - the architecture's folder in the kernel source: `x86`.
 */
export function runtimeConstants(folder: string): readonly SpecialSection[] {
  const header = `arch/${folder}/include/asm/runtime-const.h`;
  const row: Omit<SpecialSection, 'name' | 'applies'> = {
    layouts: [{ size: 4, fields: { operand: pcRelative32(0) }, structure: `${header} runtime_const_ptr` }],
    consumer: { file: header, symbol: 'runtime_const_init' },
    phase: 'boot',
    patchesCode: true,
    effect: 'Writes a pointer, shift or mask that is known since boot into the operand of an instruction of vmlinux.',
    hazard: {
      level: 'high',
      reason: 'A vmlinux function copied into a livepatch keeps the placeholder: nothing patches it. The function has to be rewritten.',
    },
  };
  return [
    // Seen in 6.12, not in 6.1.
    { ...row, name: 'runtime_ptr_*', applies: [{ since: '6.12' }] },
    { ...row, name: 'runtime_shift_*', applies: [{ since: '6.12' }] },
    // Seen in 7.3, not in 7.2.
    { ...row, name: 'runtime_mask_*', applies: [{ since: '7.3' }] },
  ];
}
