import {
  callsNothing,
  countProcessors,
  parseConfiguration,
  parseKernel,
  type Architecture,
  type Kernel,
  type Machine,
  type MachineAccount,
  type MachineFact,
} from '@kelp/core';
import { questionKey } from '@kelp/loader';
import { kernelSymbol } from './kernel-symbols.ts';
import type { KernelSnapshot } from './kernel-snapshot.ts';

/** What is known of a machine beforehand. What is missing is inferred from memory, one answer for each name. */
export interface MachineDescription {
  /** Bytes of a page. */
  readonly pageSize?: number;
  readonly smp?: boolean;
  /** CPU features, capabilities and mitigations, by the architecture's names. */
  readonly features?: ReadonlyMap<string, boolean>;
  /** Numbers that the kernel chose, by the architecture's names. */
  readonly values?: ReadonlyMap<string, bigint>;
}

/** The machine of a snapshot. */
export interface DescribedMachine {
  readonly kernel: Kernel;
  /** Page size and processors, and the features and values that were given. */
  readonly machine: Machine;
  /** What the snapshot's texts say about the machine, each thing once. */
  readonly facts: readonly MachineFact[];
  /** The facts as answers to the questions of loading. */
  readonly answers: FactAnswers;
}

/** AT_PAGESZ of the auxiliary vector, include/uapi/linux/auxvec.h. */
const pageSizeEntry = 6;

/** The machine that a snapshot was taken on; what the description says counts more. */
export function describeMachine(
  snapshot: KernelSnapshot,
  architecture: Architecture,
  given: MachineDescription = {},
): DescribedMachine {
  const account = accountOf(snapshot, architecture);
  const config = snapshot.text('config');
  const kernel = parseKernel(snapshot.release, config === undefined ? undefined : parseConfiguration(config));
  const inVector = account.auxiliaryVector.get(pageSizeEntry);
  const pageSize =
    given.pageSize ?? snapshot.pageSize ?? (inVector === undefined ? undefined : Number(inVector)) ?? 4096;
  const processors = snapshot.possibleProcessors ?? countProcessors(account);
  const facts = onceEach(architecture.machine?.facts(account, kernel) ?? []);
  return {
    kernel,
    machine: {
      pageSize,
      smp: given.smp ?? processors > 1,
      feature: (name) => given.features?.get(name),
      value: (name) => given.values?.get(name),
    },
    facts,
    answers: factAnswers(facts, (name) => kernelSymbol(snapshot.symbols, name)),
  };
}

function accountOf(snapshot: KernelSnapshot, { elf }: Architecture): MachineAccount {
  const vector = snapshot.auxiliaryVector();
  return {
    text: (name) => snapshot.text(name),
    auxiliaryVector:
      vector === undefined ? new Map() : parseAuxiliaryVector(vector, elf.byteOrder === 'little'),
    modules: snapshot.modules.map(({ base, sections }) => ({
      base,
      sectionSize: (name) => sections.get(name)?.size,
    })),
  };
}

/** Pairs of 64-bit words; AT_NULL ends them. */
function parseAuxiliaryVector(vector: Uint8Array, little: boolean): ReadonlyMap<number, bigint> {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  const entries = new Map<number, bigint>();
  for (let offset = 0; offset + 16 <= vector.length; offset += 16) {
    const type = view.getBigUint64(offset, little);
    if (type === 0n) break;
    entries.set(Number(type), view.getBigUint64(offset + 8, little));
  }
  return entries;
}

function onceEach(facts: readonly MachineFact[]): readonly MachineFact[] {
  const known = new Map<string, MachineFact>();
  for (const fact of facts) {
    const key = questionKey(fact);
    if (!known.has(key)) known.set(key, fact);
  }
  return [...known.values()];
}

/** The machine with the features that its texts tell, for loading without a look at memory. */
export function withFeatures({ machine, facts }: DescribedMachine): Machine {
  const features = new Map(
    facts.flatMap(({ kind, id, answer }) => (kind === 'feature' ? [[id, answer === 'on'] as const] : [])),
  );
  return {
    pageSize: machine.pageSize,
    smp: machine.smp,
    feature: (name) => machine.feature(name) ?? features.get(name),
    value: (name) => machine.value(name),
  };
}

/** Answers to questions, by `questionKey`. */
export interface FactAnswers {
  /** What the texts decide. */
  readonly certain: ReadonlyMap<string, string>;
  /** What is more likely than the first candidate of a question. */
  readonly likely: ReadonlyMap<string, string>;
  /** The facts behind both. */
  readonly facts: ReadonlyMap<string, MachineFact>;
}

/** Facts as answers: keys and functions stand at the addresses of their symbols. A fact about an unknown symbol is none. */
function factAnswers(facts: readonly MachineFact[], addressOf: AddressOf): FactAnswers {
  const certain = new Map<string, string>();
  const likely = new Map<string, string>();
  const known = new Map<string, MachineFact>();
  for (const fact of facts) {
    const id =
      fact.kind === 'jump-label' || fact.kind === 'static-call' ? place(fact.id, addressOf) : fact.id;
    const answer = fact.kind === 'static-call' ? functionAddress(fact.answer, addressOf) : fact.answer;
    if (id === undefined || answer === undefined) continue;
    const key = questionKey({ kind: fact.kind, id });
    (fact.likely === true ? likely : certain).set(key, answer);
    known.set(key, fact);
  }
  return { certain, likely, facts: known };
}

/** Address of a symbol of the kernel image. */
type AddressOf = (name: string) => bigint | undefined;

/** `symbol` or `symbol+offset`. */
function place(text: string, addressOf: AddressOf): string | undefined {
  const [, name = '', offset = '0'] = /^(.*?)(?:\+(\d+))?$/u.exec(text) ?? [];
  const address = addressOf(name);
  return address === undefined ? undefined : `0x${(address + BigInt(offset)).toString(16)}`;
}

function functionAddress(name: string, addressOf: AddressOf): string | undefined {
  if (name === callsNothing) return '0x0';
  const address = addressOf(name);
  return address === undefined ? undefined : `0x${address.toString(16)}`;
}
