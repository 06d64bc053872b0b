import { finalizeStep, type Finalization, type FinalizationStep, type KernelSource } from '@kelp/core';
import { applyAlternatives } from './alternatives.ts';
import { patchCallSites, patchCallSitesAndAlternatives, patchThunksForOthers } from './call-thunks.ts';
import { sealEndbr } from './ibt.ts';
import { sortOrcTables } from './orc.ts';
import { patchParavirt } from './paravirt.ts';
import { patchRetpolines } from './retpolines.ts';
import { patchReturns } from './return-thunks.ts';
import { dropLockPrefixes } from './smp-locks.ts';
import { patchTrampolines } from './static-calls.ts';

// module_finalize() in arch/x86/kernel/module.c finds its sections by name, the last one of a name, and runs in a
// fixed order that changed often: see alternative_instructions() for the reasons. Checked: 5.10, 6.1, 6.12, 7.2, 7.3.

const source: KernelSource = { file: 'arch/x86/kernel/module.c', symbol: 'module_finalize' };
const ftraceSections = ['__mcount_loc'];

const paravirt = finalizeStep('paravirt-patching', ['.parainstructions'], 'apply_paravirt', patchParavirt);
const itsBegin = finalizeStep('its-thunks-begin', [], 'its_init_mod');
const itsEnd = finalizeStep('its-thunks-end', [], 'its_fini_mod');
const fineibt = finalizeStep('fineibt', ['.retpoline_sites', '.cfi_sites'], 'apply_fineibt');
const retpolines = finalizeStep('retpoline-sites', ['.retpoline_sites'], 'apply_retpolines', patchRetpolines);
const returns = finalizeStep('return-thunk-sites', ['.return_sites'], 'apply_returns', patchReturns);
const alternatives = finalizeStep(
  'alternatives',
  ['.altinstructions', '.altinstr_replacement'],
  'apply_alternatives',
  applyAlternatives,
);
const callThunks = finalizeStep(
  'call-depth-tracking',
  ['.call_sites'],
  'callthunks_patch_module_calls',
  patchCallSites,
);
const olderCallThunks = finalizeStep(
  'call-depth-tracking',
  ['.call_sites', '.altinstructions'],
  'callthunks_patch_module_calls',
  patchCallSitesAndAlternatives,
);
const olderSeal = finalizeStep('ibt-sealing', ['.ibt_endbr_seal'], 'apply_ibt_endbr', sealEndbr);
const seal = finalizeStep('ibt-sealing', ['.ibt_endbr_seal'], 'apply_seal_endbr', sealEndbr);
const smpLocks = finalizeStep(
  'smp-lock-patching',
  ['.smp_locks', '.text'],
  'alternatives_smp_module_add',
  dropLockPrefixes,
);
const jumpLabelNops = finalizeStep('jump-label-nops', ['__jump_table'], 'jump_label_apply_nops');
const orc = finalizeStep(
  'orc-unwind-tables',
  ['.orc_unwind_ip', '.orc_unwind'],
  'unwind_module_init',
  sortOrcTables,
);

/** Not part of module_finalize(): what later updates of the module's own static calls leave behind. */
const trampolines: FinalizationStep = {
  name: 'static-call-trampolines',
  phase: 'run_time',
  sections: ['.static_call.text'],
  function: 'arch_static_call_transform',
  patch: patchTrampolines,
};

/** Not part of module_finalize(): what calls from elsewhere leave behind while calls are counted. */
const otherThunks: FinalizationStep = {
  name: 'call-thunks-for-others',
  phase: 'run_time',
  sections: ['.call_sites'],
  function: 'callthunks_translate_call_dest',
  patch: patchThunksForOthers,
};

/** module_finalize() by kernel. */
export const finalization: Finalization = [
  {
    applies: [{ before: '6.1' }],
    steps: [retpolines, returns, alternatives, smpLocks, paravirt, jumpLabelNops, orc, trampolines],
    ftraceSections,
    source,
  },
  {
    applies: [{ since: '6.1', before: '6.2' }],
    steps: [
      paravirt,
      itsBegin,
      retpolines,
      itsEnd,
      returns,
      alternatives,
      olderSeal,
      smpLocks,
      orc,
      trampolines,
    ],
    ftraceSections,
    source,
  },
  {
    applies: [{ since: '6.2', before: '6.8' }],
    steps: [
      paravirt,
      fineibt,
      retpolines,
      returns,
      alternatives,
      olderCallThunks,
      olderSeal,
      smpLocks,
      orc,
      trampolines,
      otherThunks,
    ],
    ftraceSections,
    source,
  },
  {
    applies: [{ since: '6.8', before: '7.2' }],
    steps: [
      itsBegin,
      fineibt,
      retpolines,
      itsEnd,
      returns,
      alternatives,
      olderCallThunks,
      seal,
      smpLocks,
      orc,
      trampolines,
      otherThunks,
    ],
    ftraceSections,
    source,
  },
  {
    // Seen in 7.2, not in 6.12: the list of call sites has calls in .altinstr_replacement, patched before they are copied.
    applies: [{ since: '7.2', before: '7.3' }],
    steps: [
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
      trampolines,
      otherThunks,
    ],
    ftraceSections,
    source,
  },
  {
    applies: [{ since: '7.3' }],
    steps: [
      itsBegin,
      fineibt,
      retpolines,
      itsEnd,
      returns,
      callThunks,
      alternatives,
      seal,
      orc,
      trampolines,
      otherThunks,
    ],
    ftraceSections,
    source,
  },
];
