import type { LinkageSlot } from '@kelp/core';
import type { ChangedBytes, LoadedModule, Misdirected, RelocationPlace } from '@kelp/loader';
import type { Played } from './instance.ts';
import type { PatchedKernel } from './patched-kernel.ts';
import { startKernel, type Scene } from './scene.ts';
import type { Step } from './steps.ts';
import type { Strategy } from './strategies.ts';
import type { ModuleMemory } from './surroundings.ts';
import type { TargetModule } from './target-module.ts';

/** What a step did, and what is there after it. */
export interface StepOutcome extends Played {
  readonly step: Step;
  /** Bytes of the livepatch that the step changed; for one that loads it, what it changed after loading. */
  readonly changes: readonly ChangedBytes[];
  /** Relocations to a module that is gone, which nobody has undone. */
  readonly stale: readonly RelocationPlace[];
  /** Slots of stubs, GOT, PLT and veneers that nothing uses. */
  readonly leaked: readonly LinkageSlot[];
  /** Slots in use that still lead to an earlier load of the module. */
  readonly misdirected: readonly Misdirected[];
}

/** The life of a livepatch and of its modules under one strategy. */
export interface Lifecycle {
  readonly strategy: Strategy;
  /** One for each step; the last one is where the kernel died, if it did. */
  readonly outcomes: readonly StepOutcome[];
  /** What stands against a smooth life: refusals, faults, and bytes that are wrong while a module is there. */
  readonly faults: LifeFaults;
}

/** Counts over all steps of a life. */
export interface LifeFaults {
  /** Steps in which the kernel refused to load the livepatch or a module. */
  readonly failedLoads: number;
  readonly deaths: number;
  /** Steps that were refused because a module is in use: the price of a strategy. */
  readonly refusedRemovals: number;
  readonly lost: number;
  /** In the step with the most, as the next two. */
  readonly stale: number;
  readonly leaked: number;
  readonly misdirected: number;
}

/** Called after each step, with the modules of the livepatch as they stand in memory then. */
export type StepWatcher = (outcome: StepOutcome, loaded: readonly LoadedModule[]) => void;

/** Play steps under a strategy, each target being loaded at another address every time. */
export function playLifecycle(
  scene: Scene,
  strategy: Strategy,
  steps: readonly Step[],
  watch?: StepWatcher,
): Lifecycle {
  const { kernel, memory } = startKernel(scene, strategy);
  const outcomes: StepOutcome[] = [];
  for (const step of steps.flatMap((one) => forEachTarget(one, scene.targets))) {
    const played = takeStep(kernel, step, scene.targets, memory);
    const outcome = {
      step,
      ...played,
      changes: kernel.changes(),
      stale: kernel.stale(),
      leaked: kernel.leaked(),
      misdirected: kernel.misdirected(),
    };
    outcomes.push(outcome);
    watch?.(outcome, kernel.loaded);
    if (played.verdict.status === 'fault') break;
  }
  return { strategy, outcomes, faults: sumUp(outcomes) };
}

function forEachTarget(step: Step, targets: readonly TargetModule[]): readonly Step[] {
  if (!step.name.endsWith('-target') || step.target !== undefined) return [step];
  return targets.map(({ name }) => ({ ...step, target: name }));
}

function takeStep(
  kernel: PatchedKernel,
  { name, target }: Step,
  targets: readonly TargetModule[],
  memory: ModuleMemory,
): Played {
  switch (name) {
    case 'load-patch':
      return kernel.loadPatch();
    case 'disable':
      return kernel.disable();
    case 'unload-patch':
      return kernel.unloadPatch();
    case 'unload-target':
      return kernel.goes(target ?? '');
    case 'load-target': {
      const module = targets.find((one) => one.name === target);
      if (module !== undefined) return kernel.comes(module.name, module.load(memory));
      const reason = 'no file of the module was given, and the livepatch does not patch it';
      return { lost: [], mismatches: [], state: [], verdict: { status: 'skipped', reason } };
    }
  }
}

function sumUp(outcomes: readonly StepOutcome[]): LifeFaults {
  const count = (test: (outcome: StepOutcome) => boolean): number => outcomes.filter(test).length;
  const most = (length: (outcome: StepOutcome) => number): number => Math.max(0, ...outcomes.map(length));
  return {
    failedLoads: count(({ verdict }) => verdict.status === 'refused' && verdict.errno !== 'EAGAIN'),
    deaths: count(({ verdict }) => verdict.status === 'fault'),
    refusedRemovals: count(({ verdict }) => verdict.status === 'refused' && verdict.errno === 'EAGAIN'),
    lost: outcomes.reduce((sum, { lost }) => sum + lost.length, 0),
    stale: most(({ stale }) => stale.length),
    leaked: most(({ leaked }) => leaked.length),
    misdirected: most(({ misdirected }) => misdirected.length),
  };
}
