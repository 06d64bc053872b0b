import {
  appliesTo,
  bootMessages,
  callsNothing,
  commandLineValue,
  hasOption,
  type Applicability,
  type Kernel,
  type MachineAccount,
  type MachineFact,
} from '@kelp/core';

// PREEMPT_DYNAMIC: the functions behind the static calls of the scheduler, kernel/sched/core.c.

type Mode = 'full' | 'lazy' | 'none' | 'voluntary';

/** What __sched_dynamic_update() makes of a static call in a mode. */
interface PreemptionCall {
  readonly key: string;
  /** NAME_dynamic_enabled. */
  readonly enabled: string;
  /** NAME_dynamic_disabled. */
  readonly disabled: string;
  readonly enabledIn: readonly Mode[];
}

const returnsZero = '__static_call_return0';

/** The same in 6.1, 6.12 and 7.3 but for the lazy mode. The names of the functions: arch/x86/include/asm/preempt.h. */
const calls: readonly PreemptionCall[] = [
  {
    key: '__SCK__cond_resched',
    enabled: '__cond_resched',
    disabled: returnsZero,
    enabledIn: ['none', 'voluntary'],
  },
  {
    key: '__SCK__might_resched',
    enabled: '__cond_resched',
    disabled: returnsZero,
    enabledIn: ['voluntary'],
  },
  {
    key: '__SCK__preempt_schedule',
    enabled: 'preempt_schedule_thunk',
    disabled: callsNothing,
    enabledIn: ['full', 'lazy'],
  },
  {
    key: '__SCK__preempt_schedule_notrace',
    enabled: 'preempt_schedule_notrace_thunk',
    disabled: callsNothing,
    enabledIn: ['full', 'lazy'],
  },
];

/** sched_dynamic_mode(): what `preempt=` may name. The two older ones: seen in 6.12, not in 7.3. */
const modes: readonly { readonly mode: Mode; readonly applies: readonly Applicability[] }[] = [
  { mode: 'none', applies: [{ since: '5.12', before: '7.0' }] },
  { mode: 'voluntary', applies: [{ since: '5.12', before: '7.0' }] },
  { mode: 'full', applies: [{ since: '5.12' }] },
  // 7c70cb94d29c ("sched: Add Lazy preemption model").
  { mode: 'lazy', applies: [{ since: '6.13' }] },
];

/** preempt_dynamic_init(): the mode without a parameter, by the option of the configuration. */
const defaults: readonly (readonly [option: string, mode: Mode])[] = [
  ['PREEMPT_NONE', 'none'],
  ['PREEMPT_VOLUNTARY', 'voluntary'],
  ['PREEMPT_LAZY', 'lazy'],
  ['PREEMPT', 'full'],
];

/** Static calls by the preemption mode: the messages tell it, then the command line, then the configuration. */
export function preemptionFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const found = reportedMode(account) ?? requestedMode(account, kernel) ?? configuredMode(account, kernel);
  if (found === undefined) return [];
  const { mode, source } = found;
  return calls.map(({ key, enabled, disabled, enabledIn }) => ({
    kind: 'static-call',
    id: key,
    answer: enabledIn.includes(mode) ? enabled : disabled,
    source,
  }));
}

interface FoundMode extends Pick<MachineFact, 'source'> {
  readonly mode: Mode;
}

/** Every change of the mode is a message. */
function reportedMode(account: MachineAccount): FoundMode | undefined {
  const messages = bootMessages(account)?.matches(/Dynamic Preempt: (\w+)\s*$/u);
  const mode = modes.find((one) => one.mode === messages?.at(-1)?.[1])?.mode;
  return mode === undefined ? undefined : { mode, source: 'dmesg.txt' };
}

/** A mode that the kernel does not have is ignored, with a warning. */
function requestedMode(account: MachineAccount, kernel: Kernel): FoundMode | undefined {
  const wanted = commandLineValue(account, 'preempt');
  const mode = modes.find((one) => one.mode === wanted && appliesTo(one.applies, kernel))?.mode;
  return mode === undefined || !isDynamic(account, kernel) ? undefined : { mode, source: 'cmdline' };
}

function configuredMode(account: MachineAccount, kernel: Kernel): FoundMode | undefined {
  if (account.text('cmdline') === undefined || !isDynamic(account, kernel)) return undefined;
  const mode = defaults.find(([option]) => hasOption(kernel, option))?.[1];
  return mode === undefined ? undefined : { mode, source: 'config' };
}

/** The banner says so, where the configuration is not known. */
function isDynamic(account: MachineAccount, kernel: Kernel): boolean {
  const banner = account.text('version') ?? '';
  return hasOption(kernel, 'PREEMPT_DYNAMIC') || /\bPREEMPT_DYNAMIC\b/u.test(banner);
}
