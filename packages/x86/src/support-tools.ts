import type { Applicability, ToolSupport } from '@kelp/core';

// klp-build: the list of special sections in tools/objtool/klp-diff.c, as of 7.3. kpatch: special_sections[] and the
// lists of sections treated apart in kpatch-build/create-diff-object.c.

type Row = readonly [feature: string, state: ToolSupport['state'], note?: string];

function rows(tool: ToolSupport['tool'], applies: readonly Applicability[] | undefined, list: readonly Row[]): readonly ToolSupport[] {
  return list.map(([feature, state, note]) => ({
    feature,
    tool,
    ...(applies === undefined ? {} : { applies }),
    state,
    ...(note === undefined ? {} : { note }),
  }));
}

const remade = 'objtool writes it anew when the livepatch is linked';
const byReference = 'copied only where patched code refers to the entry';
const notListed = 'not in its table of special sections';

/** Upstream since 6.19. */
const klpBuild = rows(
  'klp-build',
  [{ since: '6.19' }],
  [
    ['.altinstructions', 'supported', 'entries are cloned; a symbol of a module in a replacement is not noticed'],
    ['.altinstr_replacement', 'supported', 'cloned replacement by replacement'],
    ['.altinstr_aux', 'dropped', 'relocations to it are skipped; the code is unreachable in a loaded module'],
    ['.kcfi_traps', 'supported', 'entries are cloned'],
    [
      '.static_call_sites',
      'partial',
      'a key in a module is an error, except those of tracepoints: their entries are left out without a word',
    ],
    ['.static_call.text', 'supported', 'trampolines of vmlinux are reached by relocation'],
    [
      '__jump_table',
      'partial',
      'a key in a module is an error, except those of tracepoints and pr_debug(): their entries are left out with a warning',
    ],
    ['__ex_table', 'supported', 'entries are cloned'],
    ['__bug_table', 'supported', 'entries are cloned and keep their identity for text that refers to them'],
    ['__mcount_loc', 'supported', 'entries are cloned'],
    ['__patchable_function_entries', 'dropped', 'nothing reads it on x86'],
    ['.retpoline_sites', 'regenerated', remade],
    ['.return_sites', 'regenerated', remade],
    ['.call_sites', 'regenerated', remade],
    ['.ibt_endbr_seal', 'regenerated', remade],
    ['.cfi_sites', 'regenerated', remade],
    ['.orc_unwind', 'regenerated', remade],
    ['.orc_unwind_ip', 'regenerated', remade],
    ['runtime_ptr_*', 'dropped', 'the placeholder stays in the copied function'],
    ['runtime_shift_*', 'dropped', 'the placeholder stays in the copied function'],
    ['runtime_mask_*', 'dropped', 'the placeholder stays in the copied function'],
    ['.modinfo', 'partial', 'namespace tags are copied'],
    ['__ksymtab', 'dropped', byReference],
    ['__ksymtab_strings', 'supported', 'strings are cloned where they are referred to'],
    ['__param', 'dropped', byReference],
    ['__tracepoints', 'partial', 'referred to in place; the jump label of a tracepoint in a module is left out'],
    ['__tracepoints_ptrs', 'dropped', byReference],
    ['_ftrace_events', 'dropped', byReference],
    ['_ftrace_eval_map', 'dropped', byReference],
    ['__bpf_raw_tp_map', 'dropped', byReference],
    ['__tracepoint_str', 'dropped', byReference],
    ['__trace_printk_fmt', 'dropped', byReference],
    ['__dyndbg', 'partial', 'descriptors are cloned; the jump label of pr_debug() in a module is left out'],
    ['__dyndbg_classes', 'dropped', byReference],
    ['.printk_index', 'dropped', 'formats of patched code do not appear in the index'],
    ['___srcu_struct_ptrs', 'dropped', byReference],
    ['_error_injection_whitelist', 'dropped', byReference],
    ['_kprobe_blacklist', 'dropped', byReference],
    ['.data..once', 'supported', 'always cloned'],
    ['.klp.rela.*', 'supported', 'written by objtool klp post-link'],
    ['.init.klp_objects', 'supported', 'written by objtool klp diff'],
    ['.init.klp_funcs', 'supported', 'written by objtool klp diff'],
    ['.rodata.klp.str1.1', 'supported', 'written by objtool klp diff'],
    ['__klp_relocs*', 'supported', 'written by objtool klp diff'],
    ['.klp.symid', 'supported', 'written by objtool into vmlinux.o'],
    ['.discard.*', 'partial', 'cloned, except .discard.addressable and .discard.sym_checksum'],
  ],
);

const kpatch = rows('kpatch', undefined, [
  ['.altinstructions', 'supported', 'a livepatch relocation in an alternative of a module is an error'],
  ['.altinstr_replacement', 'supported', 'included whole as soon as one alternative is kept'],
  ['.altinstr_aux', 'supported', 'changed addends are ignored'],
  ['.fixup', 'supported'],
  ['.retpoline_sites', 'supported', 'since January 2022'],
  ['.return_sites', 'supported', 'since July 2022'],
  ['.call_sites', 'supported'],
  ['.ibt_endbr_seal', 'unsupported', 'a pull request of 2024 was closed without being merged'],
  ['.cfi_sites', 'unsupported', notListed],
  ['.kcfi_traps', 'unsupported', notListed],
  ['.static_call_sites', 'partial', 'since 2021; a key in a module is an error'],
  ['__jump_table', 'partial', 'a key in a module is an error, except those of tracepoints and dynamic debug: their entries are left out'],
  ['__ex_table', 'supported'],
  ['__bug_table', 'supported'],
  ['__mcount_loc', 'regenerated', 'made anew for the changed functions'],
  ['__patchable_function_entries', 'supported', 'since October 2024'],
  ['.orc_unwind', 'regenerated'],
  ['.orc_unwind_ip', 'regenerated'],
  ['__ksymtab', 'refused', 'changed exports are an error'],
  ['__dyndbg', 'supported', 'always included'],
  ['.printk_index', 'supported'],
  ['.data..percpu', 'refused', 'changed data is an error'],
  ['.data..once', 'supported', 'static flags are treated apart'],
  ['.klp.rela.*', 'supported', 'written by create-klp-module'],
  ['.discard.*', 'dropped', 'ignored; a finished module has none'],
]);

/** What the livepatch build tools do with each special section of x86-64. */
export const tools: readonly ToolSupport[] = [
  ...klpBuild,
  // objtool gave it up together with the kernel.
  ...rows('klp-build', [{ since: '6.19', before: '7.3' }], [['.smp_locks', 'supported', 'entries are cloned']]),
  ...kpatch,
  ...rows('kpatch', [{ before: '6.8' }], [['.parainstructions', 'supported']]),
  ...rows('kpatch', [{ before: '7.3' }], [['.smp_locks', 'supported']]),
];
