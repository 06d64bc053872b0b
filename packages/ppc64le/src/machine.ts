import {
  bootMessages,
  cpuinfoValues,
  vulnerabilities,
  type Kernel,
  type MachineAccount,
  type MachineFact,
  type MachineSupport,
} from '@kelp/core';
import { featureName, type FeatureWord } from './features.ts';

/** Reads the messages of the kernel, the auxiliary vector, /proc/cpuinfo and the vulnerabilities. */
export const machine: MachineSupport = {
  facts: (account, kernel) => [
    ...wordFacts(account, kernel),
    ...hwcapFacts(account),
    ...radixFacts(account),
    ...barrierFacts(account),
    ...keyFacts(account),
  ],
};

function feature(id: string, on: boolean, source: MachineFact['source']): MachineFact {
  return { kind: 'feature', id, answer: on ? 'on' : 'off', source };
}

/** A word of features that print_system_info() prints. */
interface PrintedWord {
  readonly word: FeatureWord;
  readonly message: RegExp;
  readonly bits: number;
  /** Static keys of the bits, one behind the other: cpu_feature_keys_init(), mmu_feature_keys_init(). */
  readonly keys?: string;
}

const printedWords: readonly PrintedWord[] = [
  { word: 'CPU_FTR', message: /\bcpu_features\s+= 0x([\da-f]+)/u, bits: 64, keys: 'cpu_feature_keys' },
  { word: 'MMU_FTR', message: /\bmmu_features\s+= 0x([\da-f]+)/u, bits: 32, keys: 'mmu_feature_keys' },
  { word: 'FW_FEATURE', message: /\bfirmware_features\s+= 0x([\da-f]+)/u, bits: 64 },
];

/** sizeof(struct static_key). */
const keySize = 16;

function wordFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const messages = bootMessages(account);
  return printedWords.flatMap(({ word, message, bits, keys }): readonly MachineFact[] => {
    const digits = messages?.matches(message)[0]?.[1];
    if (digits === undefined) return [];
    const value = BigInt(`0x${digits}`);
    return Array.from({ length: bits }, (_, bit) => ({
      bit,
      on: (value >> BigInt(bit)) % 2n === 1n,
    })).flatMap(({ bit, on }): readonly MachineFact[] => [
      feature(featureName(word, bit, kernel), on, 'dmesg.txt'),
      ...(keys === undefined ? [] : [key(`${keys}+${bit * keySize}`, on)]),
    ]);
  });
}

function key(id: string, enabled: boolean): MachineFact {
  return { kind: 'jump-label', id, answer: enabled ? 'enabled' : 'disabled', source: 'dmesg.txt' };
}

/** AT_HWCAP and AT_HWCAP2 of the auxiliary vector. */
const [hwcap, hwcap2] = [16, 26] as const;

/** PPC_FEATURE_* and PPC_FEATURE2_* that say the same as a bit of the CPU's features: cpu_specs in cputable.h. */
const hwcaps: readonly { readonly id: string; readonly entry: number; readonly mask: bigint }[] = [
  { id: 'CPU_FTR_VSX', entry: hwcap, mask: 0x80n },
  { id: 'CPU_FTR_ARCH_206', entry: hwcap, mask: 0x100n },
  { id: 'CPU_FTR_ALTIVEC', entry: hwcap, mask: 0x1000_0000n },
  { id: 'CPU_FTR_ARCH_31', entry: hwcap2, mask: 0x4_0000n },
  { id: 'CPU_FTR_ARCH_300', entry: hwcap2, mask: 0x80_0000n },
  { id: 'CPU_FTR_ARCH_207S', entry: hwcap2, mask: 0x8000_0000n },
];

function hwcapFacts({ auxiliaryVector }: MachineAccount): readonly MachineFact[] {
  return hwcaps.flatMap(({ id, entry, mask }) => {
    const value = auxiliaryVector.get(entry);
    return value === undefined ? [] : [feature(id, (value & mask) !== 0n, 'auxv.bin')];
  });
}

/** pSeries_show_cpuinfo() and pnv_show_cpuinfo(). */
function radixFacts(account: MachineAccount): readonly MachineFact[] {
  const [mmu] = cpuinfoValues(account, 'MMU');
  return mmu === undefined ? [] : [feature('MMU_FTR_TYPE_RADIX', mmu === 'Radix', 'cpuinfo.txt')];
}

/** cpu_show_spectre_v1(), arch/powerpc/kernel/security.c, and barrier_nospec_enabled. */
function barrierFacts(account: MachineAccount): readonly MachineFact[] {
  const text = vulnerabilities(account)?.get('spectre_v1');
  return text === undefined
    ? []
    : [feature('barrier_nospec', text.startsWith('Mitigation'), 'vulnerabilities.txt')];
}

/** Messages that the kernel prints where it changes a static key; the last one counts. */
const keyMessages: readonly {
  readonly key: string;
  /** The key is off where the message has the group. */
  readonly message: RegExp;
  /** The key is off where there is no message. */
  readonly otherwiseOff?: true;
}[] = [
  // pSeries_setup_arch(): pv_spinlocks_init() follows.
  { key: 'shared_processor', message: /PV qspinlock hash table entries/u, otherwiseOff: true },
  // uaccess_flush_enable() of arch/powerpc/kernel/security.c, do_uaccess_flush_fixups().
  { key: 'uaccess_flush_key', message: /uaccess-flush: patched \d+ locations \((no flush)?/u },
];

function keyFacts(account: MachineAccount): readonly MachineFact[] {
  const messages = bootMessages(account);
  if (messages === undefined) return [];
  return keyMessages.flatMap(({ key: id, message, otherwiseOff }) => {
    const last = messages.matches(message).at(-1);
    if (last !== undefined) return [key(id, last[1] === undefined)];
    return otherwiseOff === true && messages.complete ? [key(id, false)] : [];
  });
}
