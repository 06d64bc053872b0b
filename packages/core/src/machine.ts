import type { Kernel } from './kernel.ts';
import type { Question } from './module-image.ts';

/** The machine that a module is loaded on, as far as loading depends on it. */
export interface Machine {
  /** Bytes of a page. */
  readonly pageSize: number;
  /** More than one CPU was brought up at boot. */
  readonly smp: boolean;
  /**
   * Whether a CPU feature, a capability or a mitigation is on. Names are the architecture's own, by kernel version.
   *
   * @returns undefined where the description does not tell.
   */
  feature(name: string): boolean | undefined;
  /** A number that the machine or its kernel chose, such as the TOC of the kernel; undefined where not told. */
  value(name: string): bigint | undefined;
}

/** Texts in which a machine tells about itself, by the names that they have in a capture folder. */
export const machineTexts = [
  'cmdline',
  'config',
  'cpuinfo.txt',
  'dmesg.txt',
  'iomem.txt',
  'version',
  'vmallocinfo.txt',
  'vulnerabilities.txt',
] as const;

export type MachineText = (typeof machineTexts)[number];

/** A loaded module, as far as it tells where the kernel put something that belongs to it. */
export interface AccountedModule {
  /** Where its text (up to 6.3: its core layout) begins. */
  readonly base: bigint;
  /** Bytes of a section; undefined where the module has none, or the size is not known. */
  sectionSize(name: string): number | undefined;
}

/** All that a machine tells about itself. Whatever is missing decides nothing. */
export interface MachineAccount {
  /** Untrusted. */
  text(name: MachineText): string | undefined;
  /** The auxiliary vector of a process: AT_HWCAP (16), AT_HWCAP2 (26), AT_HWCAP3 (29) ... by type. */
  readonly auxiliaryVector: ReadonlyMap<number, bigint>;
  /** In load order. */
  readonly modules: readonly AccountedModule[];
}

/**
 * Something that the account of a machine says, in the form of an answer to a question that loading asks.
 *
 * | kind | id | answer |
 * |---|---|---|
 * | `feature` | name of the feature | `on`, `off` |
 * | `jump-label` | symbol of the static key, or `symbol+offset` in bytes | `enabled`, `disabled` |
 * | `static-call` | symbol of the key | symbol of the function, or {@link callsNothing} |
 * | `kernel-chosen` | id of the question | as the question has it |
 */
export interface MachineFact {
  readonly kind: Question['kind'];
  readonly id: string;
  readonly answer: string;
  /** Which part of the account says so. */
  readonly source: MachineText | 'auxv.bin';
  /** The most likely of several answers, and nothing that the account decides. */
  readonly likely?: true;
}

/** The answer of a static call that calls nothing. */
export const callsNothing = 'nothing';

/** How an architecture reads the account of a machine. */
export interface MachineSupport {
  /** Of several facts about one thing the first counts. */
  facts(account: MachineAccount, kernel: Kernel): readonly MachineFact[];
}
