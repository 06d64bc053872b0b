import type { LinkageSlot, LoaderStateChange } from '@kelp/core';
import type { ChangedBytes, Mismatch, RelocationPlace } from '@kelp/loader';
import type { ClearPlan } from './clear.ts';
import { costsOf } from './costs.ts';
import { earlyGain, type EarlyGain } from './early-gain.ts';
import type { Lifecycle, StepOutcome } from './play.ts';
import type { Scene } from './scene.ts';
import type { StepVerdict } from './verdict.ts';

/** Version of the JSON of `kelp clear` and `kelp lifecycle`. */
const lifecycleSchema = 1;

export function hexadecimal(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/** Plain data of `kelp clear --json`. Addresses are strings. */
export function clearJson(scene: Scene, plans: readonly ClearPlan[]): unknown {
  return {
    schema: lifecycleSchema,
    ...sceneJson(scene),
    objects: plans.map(({ object, applied, byKernel, writes, state, mismatches, kept }) => ({
      object,
      applied: verdictJson(applied),
      byKernel,
      writes: writes.map(changeJson),
      state: state.map(stateJson),
      mismatches: mismatches.map(mismatchJson),
      kept: kept.map(slotJson),
    })),
  };
}

/** Plain data of `kelp lifecycle --json`. */
export function lifecycleJson(scene: Scene, lives: readonly Lifecycle[]): unknown {
  return {
    schema: lifecycleSchema,
    ...sceneJson(scene),
    targets: scene.targets.map(({ name }) => name),
    early: gainJson(earlyGain(scene)),
    costs: costsOf(scene),
    lives: lives.map(({ strategy, outcomes, faults }) => ({
      strategy: strategy.name,
      steps: outcomes.map(outcomeJson),
      faults,
    })),
  };
}

function sceneJson({ around, patch, invented }: Scene): object {
  return {
    livepatch: patch.name,
    architecture: around.architecture.id,
    kernel: around.kernel.release,
    invented,
  };
}

function gainJson({ late, early, sections }: EarlyGain): object {
  return { late: verdictJson(late), early: verdictJson(early), sections };
}

function outcomeJson({ step, verdict, changes, state, lost, mismatches, ...left }: StepOutcome): object {
  return {
    step: step.name,
    target: step.target ?? null,
    ...verdictJson(verdict),
    changes: changes.map(changeJson),
    state: state.map(stateJson),
    lost: lost.map(placeJson),
    mismatches: mismatches.map(mismatchJson),
    stale: left.stale.map(placeJson),
    leaked: left.leaked.map(slotJson),
    misdirected: left.misdirected.map(({ slot, wanted, place }) => ({
      ...slotJson(slot),
      wanted: hexadecimal(wanted),
      place: placeJson(place),
    })),
  };
}

function verdictJson(verdict: StepVerdict): object {
  switch (verdict.status) {
    case 'done':
      return { status: 'done' };
    case 'skipped':
      return { status: 'skipped', reason: verdict.reason };
    case 'fault': {
      const { address, reason, place } = verdict;
      const where = place === undefined ? null : placeJson(place);
      return { status: 'fault', address: hexadecimal(address), reason, place: where };
    }
    case 'refused': {
      const { errno, moment, reason, messages, section, offset, symbol } = verdict;
      return {
        status: 'refused',
        errno,
        moment,
        reason,
        messages,
        section: section ?? null,
        offset: offset ?? null,
        symbol: symbol ?? null,
      };
    }
  }
}

function changeJson({ address, section, offset, old, new: written }: ChangedBytes): object {
  return {
    address: hexadecimal(address),
    section: section ?? null,
    offset,
    old: Buffer.from(old).toString('hex'),
    new: Buffer.from(written).toString('hex'),
  };
}

function stateJson({ name, old, new: changed }: LoaderStateChange): object {
  return { name, old, new: changed };
}

function placeJson({ relocations, section, offset, type, symbol }: RelocationPlace): object {
  return { relocations, section, offset, type, symbol };
}

function mismatchJson({ expected, actual, ...place }: Mismatch): object {
  return { ...placeJson(place), expected: hexadecimal(expected), actual: hexadecimal(actual) };
}

function slotJson({ kind, address, size, target }: LinkageSlot): object {
  return { kind, address: hexadecimal(address), size, target: hexadecimal(target) };
}
