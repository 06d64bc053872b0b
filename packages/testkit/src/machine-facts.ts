import {
  parseConfiguration,
  parseKernel,
  type AccountedModule,
  type Architecture,
  type MachineFact,
  type MachineText,
} from '@kelp/core';

/** What a machine tells about itself in a test. */
export interface ToldMachine {
  readonly release: string;
  readonly texts?: Readonly<Partial<Record<MachineText, string>>>;
  /** Entries of the auxiliary vector by type. */
  readonly auxiliaryVector?: Readonly<Record<number, bigint>>;
  readonly modules?: readonly AccountedModule[];
}

/** What an architecture makes of it: facts by kind and ID (`feature SMAP`), of several about one thing the first. */
export function machineFacts(
  { machine }: Architecture,
  { release, texts = {}, auxiliaryVector = {}, modules = [] }: ToldMachine,
): ReadonlyMap<string, MachineFact> {
  const account = {
    text: (name: MachineText) => texts[name],
    auxiliaryVector: new Map(Object.entries(auxiliaryVector).map(([type, value]) => [Number(type), value])),
    modules,
  };
  const config = texts.config === undefined ? undefined : parseConfiguration(texts.config);
  const facts = machine?.facts(account, parseKernel(release, config)) ?? [];
  return new Map(facts.toReversed().map((fact) => [`${fact.kind} ${fact.id}`, fact]));
}
