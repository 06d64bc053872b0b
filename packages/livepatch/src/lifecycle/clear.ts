import { clearSupport, KelpError, type LinkageSlot, type LoaderStateChange } from '@kelp/core';
import type { ChangedBytes, Mismatch } from '@kelp/loader';
import { startKernel, type Scene } from './scene.ts';
import { strategyNamed } from './strategies.ts';
import type { TargetModule } from './target-module.ts';
import type { StepVerdict } from './verdict.ts';

/** What undoes the relocations of a livepatch against one module, once they have been applied. */
export interface ClearPlan {
  /** The module. Untrusted. */
  readonly object: string;
  /** What came of applying them; where it is not `done`, the plan undoes what was written until then. */
  readonly applied: StepVerdict;
  /** The kernel has a clear_relocate_add() that does what stands here; otherwise it is what one would have to do. */
  readonly byKernel: boolean;
  readonly writes: readonly ChangedBytes[];
  readonly state: readonly LoaderStateChange[];
  readonly mismatches: readonly Mismatch[];
  /** Slots that are not used any more and stay as they are, because one that is used comes after them. */
  readonly kept: readonly LinkageSlot[];
}

/**
 * What must be written, and what the loader must forget, when a module goes away that a livepatch patches. On x86 it is
 * what the kernel does; where the kernel does nothing, what a correct clear_relocate_add() would do.
 *
 * @throws KelpError `lifecycle/refused` if the kernel refuses the livepatch itself.
 */
export function planClear(scene: Scene, target: TargetModule): ClearPlan {
  const { around, patch } = scene;
  const { livepatch } = around.architecture;
  const cleared = livepatch !== undefined && clearSupport(livepatch, around.kernel) !== undefined;
  const { kernel, memory } = startKernel(scene, strategyNamed('kernel'));
  const { verdict } = kernel.loadPatch();
  if (verdict.status !== 'done') {
    const why = verdict.status === 'refused' ? `${verdict.errno}: ${verdict.reason}` : verdict.reason;
    throw new KelpError('lifecycle/refused', `the livepatch cannot be loaded: ${why}`, {
      file: patch.object.file,
    });
  }
  const applied = kernel.comes(target.name, target.load(memory)).verdict;
  const byKernel = cleared && applied.status === 'done';
  const { state, mismatches, changes } = kernel.clear(target.name, byKernel ? 'as the kernel does' : 'all');
  return {
    object: target.name,
    applied,
    byKernel,
    writes: changes,
    state,
    mismatches,
    kept: kernel.leaked(),
  };
}
