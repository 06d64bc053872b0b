import { finalizeStep, type Finalization, type FinalizationStep, type KernelSource } from '@kelp/core';
import { applyFeatureFixups } from './feature-patching.ts';
import type { FeatureWord } from './features.ts';
import { makeFtraceStubs } from './ftrace.ts';
import { applyLwsync, applySpeculationBarriers } from './instruction-fixups.ts';

const source: KernelSource = { file: 'arch/powerpc/kernel/module.c', symbol: 'module_finalize' };

/** Stubs for ftrace_caller and ftrace_regs_caller, the first thing that module_finalize() does. */
function ftraceStubs(...sections: readonly string[]): FinalizationStep {
  return finalizeStep('ftrace-stubs', sections, 'module_finalize_ftrace', makeFtraceStubs);
}

function featureFixups(name: string, section: string, word: FeatureWord): FinalizationStep {
  return finalizeStep(name, [section, '__ftr_alt_*'], 'do_feature_fixups', applyFeatureFixups(section, word));
}

/** module_finalize() after its first step. The speculation barriers of modules have another name and are never found. */
const fixups: readonly FinalizationStep[] = [
  featureFixups('cpu-feature-fixups', '__ftr_fixup', 'CPU_FTR'),
  featureFixups('mmu-feature-fixups', '__mmu_ftr_fixup', 'MMU_FTR'),
  featureFixups('firmware-feature-fixups', '__fw_ftr_fixup', 'FW_FEATURE'),
  finalizeStep(
    'speculation-barriers',
    ['__spec_barrier_fixup'],
    'do_barrier_nospec_fixups_range',
    applySpeculationBarriers,
  ),
  finalizeStep('lwsync-fixups', ['__lwsync_fixup'], 'do_lwsync_fixups', applyLwsync),
];

export const finalization: Finalization = [
  {
    applies: [{ before: '6.12' }],
    steps: [ftraceStubs('.stubs'), ...fixups],
    ftraceSections: ['__mcount_loc'],
    source,
  },
  {
    // Patchable function entries: seen in 6.12, not in 6.1.
    applies: [{ since: '6.12', before: '7.2' }],
    steps: [ftraceStubs('.stubs'), ...fixups],
    ftraceSections: ['__patchable_function_entries', '__mcount_loc'],
    source,
  },
  {
    // setup_ftrace_ool_stubs() sets a stub aside for each function: seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    steps: [ftraceStubs('.stubs', '__patchable_function_entries'), ...fixups],
    ftraceSections: ['__patchable_function_entries', '__mcount_loc'],
    source,
  },
];
