import {
  KelpError,
  usualAddresses,
  type Architecture,
  type Configuration,
  type Kernel,
  type Machine,
} from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { layOutModule, placeConsecutively } from '@kelp/loader';

/** Addresses of all symbols of a name, in the order that positions count. Empty: there is none. */
export type SymbolAddresses = (name: string) => readonly bigint[];

/** What a simulated kernel has around its modules. */
export interface Surroundings {
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly machine: Machine;
  /** Start of the memory of modules. */
  readonly moduleArea: bigint;
  /** Symbols of the kernel image, by address. */
  readonly vmlinux: SymbolAddresses;
}

/** Options that every kernel with livepatch has, or that distributions build it with. */
const livepatchOptions = [
  'LIVEPATCH',
  'MODULES',
  'MODULE_UNLOAD',
  'KALLSYMS_ALL',
  'DYNAMIC_FTRACE',
  'DYNAMIC_FTRACE_WITH_ARGS',
  'DYNAMIC_FTRACE_WITH_REGS',
  'STRICT_KERNEL_RWX',
  'STRICT_MODULE_RWX',
  'RANDOMIZE_BASE',
  'SMP',
];

/** The configuration of a kernel of which no more is known than that it has livepatches. */
export function livepatchConfiguration({ livepatch }: Architecture): Configuration {
  return new Map([...livepatchOptions, ...(livepatch?.configuration ?? [])].map((option) => [option, 'y']));
}

/** A machine of which nothing is known but the size of its pages. */
export function unknownMachine(pageSize: number): Machine {
  return { pageSize, smp: true, feature: () => undefined, value: () => undefined };
}

/**
 * Where modules and the kernel image stand if nobody says so.
 *
 * @throws KelpError `lifecycle/no-livepatch` for an architecture whose livepatches are not known.
 */
export function addressesOf(
  { id, livepatch }: Architecture,
  kernel: Kernel,
): { readonly image: bigint; readonly modules: bigint; readonly pageSize: number } {
  const usual = livepatch === undefined ? undefined : usualAddresses(livepatch, kernel);
  if (usual !== undefined) return usual;
  throw new KelpError('lifecycle/no-livepatch', `nothing is known of livepatches on ${id}`);
}

const imageOffset = 0x20_0000n;
const symbolDistance = 0x40n;

/**
 * Symbols of a kernel image of which only names are known, or nothing: they get addresses one after the other, in the
 * order of the names.
 *
 * @param names - all symbols in the order of their addresses; undefined: every name that is asked for is there.
 * @param count - without names: how many symbols of a name there are, at least.
 */
export function inventSymbols(
  image: bigint,
  names: readonly string[] | undefined,
  count: (name: string) => number,
): SymbolAddresses {
  const known = new Map<string, bigint[]>();
  let next = image + imageOffset;
  const add = (name: string): bigint[] => {
    const addresses = known.get(name) ?? [];
    known.set(name, addresses);
    addresses.push(next);
    next += symbolDistance;
    return addresses;
  };
  for (const name of names ?? []) add(name);
  return (name) => {
    const found = known.get(name);
    if (found !== undefined || names !== undefined) return found ?? [];
    for (let more = Math.max(1, count(name)); more > 0; more--) add(name);
    return known.get(name) ?? [];
  };
}

/** Gives out the memory of modules: each one behind the last, none at an address that was used before. */
export class ModuleMemory {
  readonly #surroundings: Surroundings;
  #next: bigint;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#next = surroundings.moduleArea;
  }

  /** Addresses of the areas of a module. */
  place(object: ObjectFile): ReadonlyMap<string, bigint> {
    const { architecture, kernel, machine } = this.#surroundings;
    const plan = architecture.linkage?.plan?.(object, kernel, machine);
    const areas = layOutModule(object, kernel, machine.pageSize, plan);
    const addresses = placeConsecutively(areas, this.#next, machine.pageSize);
    const size = areas.reduce((sum, area) => sum + BigInt(area.size + machine.pageSize), 0n);
    this.#advance(size);
    return addresses;
  }

  /** Memory without a module in it. */
  take(size: number): bigint {
    const address = this.#next;
    this.#advance(BigInt(size));
    return address;
  }

  /** One more page stays free, as a guard. */
  #advance(size: bigint): void {
    const page = BigInt(this.#surroundings.machine.pageSize);
    this.#next += ((size + page - 1n) / page + 1n) * page;
  }
}
