/**
 * Sizes of table entries in bytes, read off the kernel's headers for this check: nothing here comes from the tables of the
 * toolkit, so that the two can disagree.
 */
type Machine = 'aarch64' | 'powerpc64' | 's390' | 'x86-64';

/** What readelf calls the machines. */
const machines: readonly (readonly [pattern: RegExp, machine: Machine])[] = [
  [/^Advanced Micro Devices X86-64$/, 'x86-64'],
  [/^AArch64$/, 'aarch64'],
  [/^PowerPC64$/, 'powerpc64'],
  [/^IBM S\/390$/, 's390'],
];

/** Sizes that are the same on all four machines in 6.1 and newer. */
const common: ReadonlyMap<string, number> = new Map([
  ['__jump_table', 16], // struct jump_entry: s32, s32, long
  ['__param', 40], // struct kernel_param
  ['__dyndbg', 56], // struct _ddebug with JUMP_LABEL
  ['__dyndbg_classes', 56], // struct ddebug_class_map
  ['__kcrctab', 4],
  ['__kcrctab_gpl', 4],
  ['__kflagstab', 1],
  ['__versions', 64], // struct modversion_info
  ['_ftrace_events', 8], // struct trace_event_call *
  ['_ftrace_eval_map', 8], // struct trace_eval_map *
  ['__bpf_raw_tp_map', 32], // struct bpf_raw_event_map, aligned to 32
  ['__tracepoint_str', 8],
  ['___srcu_struct_ptrs', 8],
  ['.BTF_ids', 4],
  ['__mcount_loc', 8],
  ['__patchable_function_entries', 8],
]);

const byMachine: Readonly<Record<Machine, ReadonlyMap<string, number>>> = {
  'x86-64': new Map([
    ['__ksymtab', 12], // HAVE_ARCH_PREL32_RELOCATIONS: three ints
    ['__ksymtab_gpl', 12],
    ['__tracepoints_ptrs', 4],
    ['__ex_table', 12],
    ['.static_call_sites', 8],
    ['.smp_locks', 4],
    ['.retpoline_sites', 4],
    ['.return_sites', 4],
    ['.call_sites', 4],
    ['.ibt_endbr_seal', 4],
    ['.orc_unwind_ip', 4],
    ['.orc_unwind', 6], // packed
    ['.orc_header', 20], // SHA-1
    ['.parainstructions', 16],
  ]),
  aarch64: new Map([
    ['__ksymtab', 12],
    ['__ksymtab_gpl', 12],
    ['__tracepoints_ptrs', 4],
    ['__ex_table', 12],
    ['.altinstructions', 12],
    ['.pci_fixup_final', 16],
  ]),
  powerpc64: new Map([
    ['__ksymtab', 24],
    ['__ksymtab_gpl', 24],
    ['__tracepoints_ptrs', 8],
    ['__ex_table', 8],
    ['__ftr_fixup', 48], // struct fixup_entry
    ['__lwsync_fixup', 8],
    ['__barrier_nospec_fixup', 8],
  ]),
  s390: new Map([
    ['__ksymtab', 24],
    ['__ksymtab_gpl', 24],
    ['__tracepoints_ptrs', 8],
    ['__ex_table', 12],
    ['__stack_protector_loc', 8],
  ]),
};

/** Sizes that changed after 6.1: struct alt_instr, struct bug_entry. */
function changing(machine: Machine, section: string, release: readonly number[]): number | undefined {
  const since = (major: number, minor: number): boolean =>
    (release[0] ?? 0) > major || ((release[0] ?? 0) === major && (release[1] ?? 0) >= minor);
  if (section === '__bug_table') return (machine === 'x86-64' || machine === 's390') && since(7, 0) ? 16 : 12;
  if (section !== '.altinstructions') return undefined;
  if (machine === 'x86-64') return since(6, 3) ? 14 : 12;
  return machine === 's390' ? (since(6, 12) ? 13 : 11) : undefined;
}

/** Whether the check knows the size of the section's entries on any machine. */
export function hasEntrySize(section: string): boolean {
  return (
    common.has(section) ||
    Object.values(byMachine).some((sizes) => sizes.has(section)) ||
    section === '__bug_table' ||
    section === '.altinstructions'
  );
}

/**
 * The size of a section's entries.
 *
 * @param machineName as readelf prints it.
 * @param release of the kernel: `6.12.95+deb12-s390x`.
 */
export function entrySize(machineName: string, release: string, section: string): number | undefined {
  const machine = machines.find(([pattern]) => pattern.test(machineName))?.[1];
  if (machine === undefined) return undefined;
  const numbers = (/^(\d+)\.(\d+)/.exec(release) ?? []).slice(1).map(Number);
  return changing(machine, section, numbers) ?? byMachine[machine].get(section) ?? common.get(section);
}
