import {
  bootMessages,
  commandLineValue,
  countProcessors,
  cpuinfoValues,
  cpuinfoWords,
  type Kernel,
  type MachineAccount,
  type MachineFact,
  type MachineSupport,
} from '@kelp/core';
import { cpuFeatures } from './features.ts';
import { mitigationFacts } from './mitigations.ts';
import { preemptionFacts } from './preemption.ts';

/** Reads /proc/cpuinfo, the vulnerabilities, the command line and the messages of the kernel. */
export const machine: MachineSupport = {
  facts: (account, kernel) => [
    ...processorFacts(account),
    ...mitigationFacts(account, kernel),
    ...hiddenFeatureFacts(account),
    ...cpuFlagFacts(account, kernel),
    ...preemptionFacts(account, kernel),
    ...staticCallFacts(account),
  ],
};

function feature(id: string, on: boolean, source: MachineFact['source']): MachineFact {
  return { kind: 'feature', id, answer: on ? 'on' : 'off', source };
}

/** show_cpuinfo(): features that all CPUs have. What has no name there is in none of the two lines. */
function cpuFlagFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const flags = cpuinfoWords(account, 'flags');
  const bugs = cpuinfoWords(account, 'bugs');
  return cpuFeatures(kernel).flatMap(({ name, flag, isBug }): readonly MachineFact[] => {
    const shown = isBug ? bugs : flags;
    return flag === undefined || shown === undefined ? [] : [feature(name, shown.has(flag), 'cpuinfo.txt')];
  });
}

/** Features that /proc/cpuinfo does not name, by what it says otherwise. */
interface HiddenFeature {
  readonly name: string;
  /** On for CPUs of these vendors. */
  readonly vendors?: readonly string[];
  /** On if one of these flags is there. */
  readonly flags?: readonly string[];
  /** Off if none of these flags is there. */
  readonly offWithout?: readonly string[];
}

const hiddenFeatures: readonly HiddenFeature[] = [
  // init_intel(), init_amd() and the like set it for every CPU with SSE2, which all of this architecture have.
  {
    name: 'LFENCE_RDTSC',
    vendors: ['GenuineIntel', 'AuthenticAMD', 'HygonGenuine', 'CentaurHauls', 'Shanghai'],
  },
  // init_speculation_control(): with any of the three, of which Intel's SSBD and STIBP alone do not count.
  { name: 'MSR_SPEC_CTRL', flags: ['ibrs'], offWithout: ['ibrs', 'stibp', 'ssbd'] },
];

function hiddenFeatureFacts(account: MachineAccount): readonly MachineFact[] {
  const flags = cpuinfoWords(account, 'flags');
  if (flags === undefined) return xenFacts(account);
  const vendor = cpuinfoValues(account, 'vendor_id')[0] ?? '';
  const known = hiddenFeatures.flatMap(
    ({ name, vendors, flags: any, offWithout }): readonly MachineFact[] => {
      if (vendors?.includes(vendor) === true || any?.some((flag) => flags.has(flag)) === true)
        return [feature(name, true, 'cpuinfo.txt')];
      return offWithout?.every((flag) => !flags.has(flag)) === true
        ? [feature(name, false, 'cpuinfo.txt')]
        : [];
    },
  );
  return [...known, ...xenFacts(account)];
}

/** native_pv_lock_init() ... pv_info.name: guests of Xen's own kind call it `Xen`, others `Xen PVH`. */
function xenFacts(account: MachineAccount): readonly MachineFact[] {
  const platform = bootMessages(account)
    ?.matches(/Booting (?:paravirtualized )?kernel (?:on|with PVH extensions on) (.+?)\s*$/u)
    .at(-1)?.[1];
  return platform === undefined ? [] : [feature('XENPV', platform === 'Xen', 'dmesg.txt')];
}

/**
 * alternative_instructions(): without a second CPU at boot the kernel drops lock prefixes, unless it is told not to.
 * alternatives_enable_smp() brings them back with the second CPU. Kernels since 7.3 have no such sites any more.
 */
function processorFacts(account: MachineAccount): readonly MachineFact[] {
  const online = countProcessors(account);
  if (online === 0) return [];
  if (online > 1) return [feature('UP', false, 'cpuinfo.txt')];
  if (commandLineValue(account, 'noreplace-smp') !== undefined) return [feature('UP', false, 'cmdline')];
  const limit = commandLineValue(account, 'nosmp') === undefined ? commandLineValue(account, 'maxcpus') : '0';
  if (limit === '0' || limit === '1') return [feature('UP', true, 'cmdline')];
  const present = presentProcessors(account);
  // A second CPU was there at boot, and was switched off since.
  return present === undefined
    ? [feature('UP', true, 'cpuinfo.txt')]
    : [feature('UP', present === 1, 'dmesg.txt')];
}

/** prefill_possible_map(), later topology_init_possible_cpus(). */
function presentProcessors(account: MachineAccount): number | undefined {
  const messages = bootMessages(account);
  const older = messages?.matches(/Allowing (\d+) CPUs, (\d+) hotplug CPUs/u)[0];
  if (older !== undefined) return Number(older[1]) - Number(older[2]);
  const newer = messages?.matches(/Allowing (\d+) present CPUs/u)[0]?.[1];
  return newer === undefined ? undefined : Number(newer);
}

/** Static calls that keep the function they are defined with: DEFINE_STATIC_CALL() in arch/x86/kernel/traps.c. */
const definedCalls: ReadonlyMap<string, string> = new Map([['__SCK__WARN_trap', '__WARN_trap']]);

function staticCallFacts(account: MachineAccount): readonly MachineFact[] {
  if (account.text('version') === undefined) return [];
  return [...definedCalls].map(([id, answer]) => ({ kind: 'static-call', id, answer, source: 'version' }));
}
