import type { Applicability, Errno, KernelSource, Place, Severity } from '@kelp/core';
import type { LintContext } from './context.ts';

/** When a fault shows: in the order of the life of a livepatch. */
export type Moment =
  /** The livepatch module is loaded: load_module(). */
  | 'load'
  /** Its init function enables it: klp_enable_patch(). Relocations of targets that are there are written now. */
  | 'enable'
  /** A target module is loaded, or was there when the livepatch was enabled: klp_module_coming(). */
  | 'target'
  /** A target module comes back after it was unloaded. */
  | 'reload'
  /** Code of the livepatch runs. */
  | 'run'
  /** Nothing happens at all, where something should. */
  | 'never';

/** What a rule found, in addition to what its row says. */
export interface Hit {
  /** What was found; one sentence, no trailing period. May quote untrusted names. */
  readonly message: string;
  readonly place?: Place;
  /** Object of the livepatch that is concerned. Untrusted. */
  readonly object?: string;
  /** Untrusted. */
  readonly symbol?: string;
  /** Name of the relocation type. */
  readonly type?: string;
  /** Where this hit differs from the row. */
  readonly severity?: Severity;
  readonly moment?: Moment;
  /** `null`: the kernel does not notice. */
  readonly errno?: Errno | null;
}

/** One rule of `kelp lint`: a row of a table. */
export interface LintRule {
  /** `KLP` and a number that never changes its meaning. */
  readonly code: string;
  /** A stable name for people: kebab-case. */
  readonly name: string;
  readonly severity: Severity;
  readonly moment: Moment;
  /** What the kernel answers; absent: it does not notice, or does not survive. */
  readonly errno?: Errno;
  /** Kernels in which the rule holds; absent: all. */
  readonly applies?: readonly Applicability[];
  /** What is wrong, as a heading. */
  readonly title: string;
  /** What to do. */
  readonly advice: string;
  /** The kernel code that decides. */
  readonly source: KernelSource;
  check(context: LintContext): Iterable<Hit>;
}

const core = 'kernel/livepatch/core.c';
const loader = 'kernel/module/main.c';

/** A function of kernel/livepatch/core.c. */
export function livepatchCore(symbol: string): KernelSource {
  return { file: core, symbol };
}

/** A function of the module loader. */
export function moduleLoader(symbol: string): KernelSource {
  return { file: loader, symbol };
}

/** A name from a file, in a message. */
export function quoted(name: string): string {
  return JSON.stringify(name);
}
