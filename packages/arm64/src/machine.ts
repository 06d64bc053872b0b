import {
  bootMessages,
  commandLineValue,
  cpuinfoWords,
  vulnerabilities,
  type MachineAccount,
  type MachineFact,
  type MachineSupport,
} from '@kelp/core';
import { capabilityMessages } from './capability-messages.ts';

/** Reads the messages of the kernel, /proc/cpuinfo, the auxiliary vector and the command line. */
export const machine: MachineSupport = {
  facts: (account) => [
    ...messageFacts(account),
    ...hwcapFacts(account),
    ...interruptFacts(account),
    ...isolationFacts(account),
  ],
};

function capability(id: string, on: boolean, source: MachineFact['source']): MachineFact {
  return { kind: 'feature', id, answer: on ? 'on' : 'off', source };
}

/** What was not detected is off, in a log that goes back to the start. */
function messageFacts(account: MachineAccount): readonly MachineFact[] {
  const messages = bootMessages(account);
  const found = messages?.matches(/CPU features: detected: (.+?)(?: on CPUs?[\d,-]+)?\s*$/u) ?? [];
  const detected = new Set(found.map(([, message]) => message));
  const on = new Set(capabilityMessages.flatMap(([id, message]) => (detected.has(message) ? [id] : [])));
  // Every CPU has something that is printed: a log without has other words for it.
  const all = messages?.complete === true && on.size > 0;
  const ids = new Set(capabilityMessages.map(([id]) => id));
  return [...ids].filter((id) => on.has(id) || all).map((id) => capability(id, on.has(id), 'dmesg.txt'));
}

/** AT_HWCAP and AT_HWCAP2 of the auxiliary vector. */
const [hwcap, hwcap2] = [16, 26] as const;

/** Capabilities that the kernel tells programs of under the same condition: arm64_elf_hwcaps in cpufeature.c. */
interface HwcapRow {
  readonly capability: string;
  /** In the line of features of /proc/cpuinfo. */
  readonly word: string;
  readonly entry: typeof hwcap | typeof hwcap2;
  readonly bit: number;
  /** The capability is to be without. */
  readonly not?: true;
}

const hwcaps: readonly HwcapRow[] = [
  { capability: 'HAS_FPSIMD', word: 'fp', entry: hwcap, bit: 0 },
  { capability: 'HAS_NO_FPSIMD', word: 'fp', entry: hwcap, bit: 0, not: true },
  { capability: 'HAS_CRC32', word: 'crc32', entry: hwcap, bit: 7 },
  { capability: 'HAS_LSE_ATOMICS', word: 'atomics', entry: hwcap, bit: 8 },
  { capability: 'HAS_LDAPR', word: 'lrcpc', entry: hwcap, bit: 15 },
  { capability: 'HAS_DCPOP', word: 'dcpop', entry: hwcap, bit: 16 },
  { capability: 'SVE', word: 'sve', entry: hwcap, bit: 22 },
  { capability: 'HAS_DIT', word: 'dit', entry: hwcap, bit: 24 },
  { capability: 'HAS_SB', word: 'sb', entry: hwcap, bit: 29 },
  { capability: 'HAS_DCPODP', word: 'dcpodp', entry: hwcap2, bit: 0 },
  { capability: 'HAS_RNG', word: 'rng', entry: hwcap2, bit: 16 },
  { capability: 'BTI', word: 'bti', entry: hwcap2, bit: 17 },
  { capability: 'MTE', word: 'mte', entry: hwcap2, bit: 18 },
];

function hwcapFacts(account: MachineAccount): readonly MachineFact[] {
  const words = cpuinfoWords(account, 'Features');
  return hwcaps.flatMap(({ capability: id, word, entry, bit, not }): readonly MachineFact[] => {
    const value = account.auxiliaryVector.get(entry);
    if (words === undefined && value === undefined) return [];
    const there = words?.has(word) ?? ((value ?? 0n) >> BigInt(bit)) % 2n === 1n;
    return [capability(id, there !== (not === true), words === undefined ? 'auxv.bin' : 'cpuinfo.txt')];
  });
}

/** can_use_gic_priorities(): interrupts are masked by priority only where that is asked for. Renamed after 6.1. */
function interruptFacts(account: MachineAccount): readonly MachineFact[] {
  if (account.text('cmdline') === undefined) return [];
  if (commandLineValue(account, 'irqchip.gicv3_pseudo_nmi') !== undefined) return [];
  return ['HAS_IRQ_PRIO_MASKING', 'HAS_GIC_PRIO_MASKING'].map((id) => capability(id, false, 'cmdline'));
}

/** cpu_show_meltdown(): a CPU that is not affected may have it all the same. */
function isolationFacts(account: MachineAccount): readonly MachineFact[] {
  const text = vulnerabilities(account)?.get('meltdown') ?? '';
  if (!/^(?:Mitigation: PTI|Vulnerable)/u.test(text)) return [];
  return [capability('UNMAP_KERNEL_AT_EL0', text.startsWith('Mitigation'), 'vulnerabilities.txt')];
}
