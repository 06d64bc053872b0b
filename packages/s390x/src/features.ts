import { appliesTo, type Applicability, type Kernel, type Machine, type ModuleImage } from '@kelp/core';

/**
 * Something that a machine or its kernel has or has not. Machine descriptions know it by its ID; a facility also by its
 * number, as `/proc/cpuinfo` lists it: `facility 49`.
 */
export interface Feature {
  readonly id: string;
  readonly alias?: string;
}

/** CONFIG_EXPOLINE and not nospec_disable: indirect branches go through execute trampolines. */
export const expoline: Feature = { id: 'expoline' };
/** Limited branch prediction: facility 82 as the kernel decided to use it, not as the machine has it. */
export const nobp: Feature = { id: 'nobp' };
/** The lowcore stands at 0x70000 and not at 0. */
export const relocatedLowcore: Feature = { id: 'relocated_lowcore' };

/**
 * Facility numbers that the kernel has a name for: cpu_has_NAME() of arch/s390/include/asm/cpufeature.h in 7.3, some
 * as MACHINE_HAS_NAME in 6.12, where arch/s390/kernel/early.c sets the flag for the facility alone.
 */
const facilityNames: readonly {
  readonly number: number;
  readonly name: string;
  readonly applies: readonly Applicability[];
}[] = [
  { number: 8, name: 'edat1', applies: [{ since: '7.3' }] },
  { number: 11, name: 'topology', applies: [{ since: '7.3' }] },
  { number: 51, name: 'tlb_lc', applies: [{ since: '7.3' }] },
  { number: 78, name: 'edat2', applies: [{ since: '7.3' }] },
  { number: 85, name: 'seq_insn', applies: [{ since: '6.12' }] },
  { number: 129, name: 'vx', applies: [{ since: '7.3' }] },
  { number: 130, name: 'nx', applies: [{ since: '7.3' }] },
  { number: 133, name: 'gs', applies: [{ since: '7.3' }] },
  { number: 193, name: 'bear', applies: [{ since: '7.3' }] },
  { number: 194, name: 'rdp', applies: [{ since: '6.12' }] },
];

/** MAX_FACILITY_BIT: numbers from here on are never there. */
export const facilityLimit = 1024;

/** A facility of the machine; undefined for a number that none can have. */
export function facility(number: number, kernel: Kernel): Feature | undefined {
  if (number >= facilityLimit) return undefined;
  const alias = `facility ${number}`;
  const row = facilityNames.find((one) => one.number === number && appliesTo(one.applies, kernel));
  return row === undefined ? { id: alias } : { id: row.name, alias };
}

/** MFEATURE_*, arch/s390/include/asm/machine.h of 7.3, by number. */
const machineFeatures: readonly string[] = [
  relocatedLowcore.id,
  'pci_mio',
  'scc',
  'tlb_guest',
  'tx',
  'esop',
  'diag9c',
  'vm',
  'kvm',
  'lpar',
  'diag288',
];

/** MAX_MFEATURE_BIT. */
const machineFeatureLimit = 64;

/** A feature of the machine that is no facility; undefined for a number that none can have. */
export function machineFeature(number: number): Feature | undefined {
  if (number >= machineFeatureLimit) return undefined;
  return { id: machineFeatures[number] ?? `machine feature ${number}` };
}

/** What the description of the machine says; undefined where it does not tell. */
export function described(machine: Machine, { id, alias }: Feature): boolean | undefined {
  return machine.feature(id) ?? (alias === undefined ? undefined : machine.feature(alias));
}

/** A place whose bytes depend on a feature. */
export interface FeatureSite {
  readonly address: bigint;
  readonly off: Uint8Array;
  readonly on: Uint8Array;
}

/** Whether the machine has a feature. What its description does not tell is asked, and off where nobody knows. */
export function isOn(image: ModuleImage, feature: Feature, { address, off, on }: FeatureSite): boolean {
  const known = described(image.machine, feature);
  if (known !== undefined) return known;
  const candidates = [
    { answer: 'off', bytes: off },
    { answer: 'on', bytes: on },
  ];
  return image.ask({ kind: 'feature', id: feature.id, address, candidates }) === 'on';
}
