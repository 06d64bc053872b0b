import type { Cleared, LateRelocations, LoadedModule } from '@kelp/loader';
import type { Strategy } from './strategies.ts';
import { noEffects, type StepEffects, type StepErrno, type StepFault, type StepVerdict } from './verdict.ts';

/** One loaded module of the livepatch: all of it, or with a module per object the part for one. */
export interface Instance {
  /** Undefined: the module that has everything, or what no object has for itself. */
  readonly object: string | undefined;
  readonly loaded: LoadedModule;
  readonly late: LateRelocations;
  /** Bytes of the areas after finalization. */
  readonly original: readonly Uint8Array[];
  /** Writes in the log when the step began. */
  mark: number;
}

/** Verdict of a step, and what it did. */
export type Played = StepEffects & { readonly verdict: StepVerdict };

/** What undoing did, and whether the kernel survived it. */
export interface Undone {
  readonly effects: StepEffects;
  readonly fault: StepFault | undefined;
}

/** Nothing was to be undone. */
export const nothingUndone: Undone = { effects: noEffects, fault: undefined };

/** Undo the relocations of a module in the way of a strategy; undefined where nothing is undone. */
export function undoIn(
  { late, original }: Instance,
  module: string,
  undone: Strategy['undone'],
): Cleared | undefined {
  switch (undone) {
    case 'as the kernel does':
      return late.clear(module);
    case 'all':
      return late.clearAll(module);
    case 'restored':
      return late.restore(module, original);
    case 'nothing':
      late.leave(module);
      return undefined;
  }
}

/** Functions that refuse a load, by its phase. */
export const loadMoments: ReadonlyMap<string, string> = new Map([
  ['layout', 'module_frob_arch_sections'],
  ['relocate', 'apply_relocations'],
  ['post_relocation', 'module_finalize'],
]);

/** A step that is refused without having done anything. */
export function refused(
  errno: StepErrno,
  moment: string,
  reason: string,
  ...messages: readonly string[]
): Played {
  return { ...noEffects, verdict: { status: 'refused', errno, moment, reason, messages } };
}

/** A step with nothing to do. */
export function skipped(reason: string): Played {
  return { ...noEffects, verdict: { status: 'skipped', reason } };
}

/** Effects of several parts of a step. */
export function merged(effects: readonly StepEffects[]): StepEffects {
  return {
    lost: effects.flatMap(({ lost }) => lost),
    mismatches: effects.flatMap(({ mismatches }) => mismatches),
    state: effects.flatMap(({ state }) => state),
  };
}
