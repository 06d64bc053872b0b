import type { Finalization, FinalizationStep, KernelSource } from '@kelp/core';

// module_finalize() in arch/x86/kernel/module.c finds its sections by name, the last one of a name, and runs in a
// fixed order that changed often: see alternative_instructions() for the reasons. Checked: 5.10, 6.1, 6.12, 7.2, 7.3.

const source: KernelSource = { file: 'arch/x86/kernel/module.c', symbol: 'module_finalize' };

function finalize(name: string, sections: readonly string[], kernelFunction: string): FinalizationStep {
  return { name, phase: 'post_relocation', sections, function: kernelFunction };
}

const sortExceptions = finalize('sort-exception-table', ['__ex_table'], 'sort_extable');
const paravirt = finalize('paravirt-patching', ['.parainstructions'], 'apply_paravirt');
const itsBegin = finalize('its-thunks-begin', [], 'its_init_mod');
const itsEnd = finalize('its-thunks-end', [], 'its_fini_mod');
const fineibt = finalize('fineibt', ['.retpoline_sites', '.cfi_sites'], 'apply_fineibt');
const retpolines = finalize('retpoline-sites', ['.retpoline_sites'], 'apply_retpolines');
const returns = finalize('return-thunk-sites', ['.return_sites'], 'apply_returns');
const alternatives = finalize(
  'alternatives',
  ['.altinstructions', '.altinstr_replacement'],
  'apply_alternatives',
);
const callThunks = finalize('call-depth-tracking', ['.call_sites'], 'callthunks_patch_module_calls');
const olderSeal = finalize('ibt-sealing', ['.ibt_endbr_seal'], 'apply_ibt_endbr');
const seal = finalize('ibt-sealing', ['.ibt_endbr_seal'], 'apply_seal_endbr');
const smpLocks = finalize('smp-lock-patching', ['.smp_locks', '.text'], 'alternatives_smp_module_add');
const jumpLabelNops = finalize('jump-label-nops', ['__jump_table'], 'jump_label_apply_nops');
const orc = finalize('orc-unwind-tables', ['.orc_unwind_ip', '.orc_unwind'], 'unwind_module_init');

// What generic code does after module_finalize().
const afterwards: readonly FinalizationStep[] = [
  { name: 'ftrace-call-sites', phase: 'ftrace', sections: ['__mcount_loc'], function: 'ftrace_process_locs' },
  {
    name: 'bug-table',
    phase: 'complete_formation',
    sections: ['__bug_table'],
    function: 'module_bug_finalize',
  },
  {
    name: 'cfi-traps',
    phase: 'complete_formation',
    sections: ['__kcfi_traps'],
    function: 'module_cfi_finalize',
  },
  { name: 'jump-labels', phase: 'coming', sections: ['__jump_table'], function: 'jump_label_add_module' },
  {
    name: 'static-calls',
    phase: 'coming',
    sections: ['.static_call_sites'],
    function: 'static_call_add_module',
  },
];

const withoutTraps = afterwards.filter((step) => step.name !== 'cfi-traps');

/** From the sorted exception table to static calls, by kernel. */
export const finalization: Finalization = [
  {
    applies: [{ before: '6.1' }],
    order: 'listed',
    steps: [
      sortExceptions,
      retpolines,
      returns,
      alternatives,
      smpLocks,
      paravirt,
      jumpLabelNops,
      orc,
      ...withoutTraps,
    ],
    source,
  },
  {
    applies: [{ since: '6.1', before: '6.2' }],
    order: 'listed',
    steps: [
      sortExceptions,
      paravirt,
      itsBegin,
      retpolines,
      itsEnd,
      returns,
      alternatives,
      olderSeal,
      smpLocks,
      orc,
      ...afterwards,
    ],
    source,
  },
  {
    applies: [{ since: '6.2', before: '6.8' }],
    order: 'listed',
    steps: [
      sortExceptions,
      paravirt,
      fineibt,
      retpolines,
      returns,
      alternatives,
      callThunks,
      olderSeal,
      smpLocks,
      orc,
      ...afterwards,
    ],
    source,
  },
  {
    applies: [{ since: '6.8', before: '7.2' }],
    order: 'listed',
    steps: [
      sortExceptions,
      itsBegin,
      fineibt,
      retpolines,
      itsEnd,
      returns,
      alternatives,
      callThunks,
      seal,
      smpLocks,
      orc,
      ...afterwards,
    ],
    source,
  },
  {
    // Seen in 7.2, not in 6.12: the list of call sites has calls in .altinstr_replacement, patched before they are copied.
    applies: [{ since: '7.2', before: '7.3' }],
    order: 'listed',
    steps: [
      sortExceptions,
      itsBegin,
      fineibt,
      retpolines,
      itsEnd,
      returns,
      callThunks,
      alternatives,
      seal,
      smpLocks,
      orc,
      ...afterwards,
    ],
    source,
  },
  {
    applies: [{ since: '7.3' }],
    order: 'listed',
    steps: [
      sortExceptions,
      itsBegin,
      fineibt,
      retpolines,
      itsEnd,
      returns,
      callThunks,
      alternatives,
      seal,
      orc,
      ...afterwards,
    ],
    source,
  },
];
