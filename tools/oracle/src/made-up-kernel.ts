import { KelpError, type Architecture, type Kernel, type Machine } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { layOutModule, loadModule, type ExternalSymbols, type LoadedModule } from '@kelp/loader';

/** Where a kernel that nobody ever booted keeps its symbols and its modules. */
interface AddressMap {
  /** Where the first module goes; the others follow page by page. */
  readonly modules: bigint;
  /** Symbols are given out from both ranges in turn. The first is in reach of branches from the modules. */
  readonly symbols: readonly [near: bigint, far: bigint];
  /** Bytes between two symbols of one range. */
  readonly stride: bigint;
  readonly perCpu: bigint;
  readonly pageSize: number;
}

/**
 * By architecture. x86 reaches everything within 2 GiB. Branches of arm64 reach 128 MiB, those of s390x 4 GiB: symbols
 * of the far range get PLT entries.
 */
const addressMaps: ReadonlyMap<string, AddressMap> = new Map([
  [
    'x86',
    {
      modules: 0xffff_ffff_c000_0000n,
      symbols: [0xffff_ffff_8100_0000n, 0xffff_ffff_9100_0000n],
      stride: 0x40n,
      perCpu: 0xffff_ffff_b000_0000n,
      pageSize: 4096,
    },
  ],
  [
    'arm64',
    {
      modules: 0xffff_8000_0800_0000n,
      symbols: [0xffff_8000_0200_0000n, 0xffff_8000_4800_0000n],
      stride: 0x40n,
      perCpu: 0xffff_8000_7f00_0000n,
      pageSize: 4096,
    },
  ],
  [
    'ppc64le',
    {
      modules: 0xc008_0000_0000_0000n,
      symbols: [0xc000_0000_0001_0000n, 0xc000_0000_0101_0000n],
      stride: 0x40n,
      perCpu: 0xc000_0000_0f00_0000n,
      pageSize: 65536,
    },
  ],
  [
    's390x',
    {
      modules: 0x3ff_8000_0000n,
      symbols: [0x3ff_7000_0000n, 0x20_0000n],
      stride: 0x40n,
      perCpu: 0x3ff_7f00_0000n,
      pageSize: 4096,
    },
  ],
]);

/**
 * A kernel made up for loading modules without a machine: every name that a module imports has an address, the same
 * each time it is asked for, and modules are placed one behind the other.
 */
export class MadeUpKernel {
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly #map: AddressMap;
  readonly #machine: Machine;
  readonly #addresses = new Map<string, bigint>();
  readonly #names = new Map<bigint, string>();
  readonly #external: ExternalSymbols;
  #next: bigint;

  /**
   * @param features - of the CPU; those that are missing are questions, which get their first candidate.
   */
  constructor(
    architecture: Architecture,
    kernel: Kernel,
    features: ReadonlyMap<string, boolean> = new Map(),
  ) {
    const map = addressMaps.get(architecture.id);
    if (map === undefined)
      throw new KelpError('architecture/unsupported', `no addresses are made up for ${architecture.id}`);
    this.architecture = architecture;
    this.kernel = kernel;
    this.#map = map;
    this.#machine = {
      pageSize: map.pageSize,
      smp: true,
      feature: (name) => features.get(name),
      value: () => undefined,
    };
    this.#external = {
      address: (name) => this.symbol(name),
      functionAt: (address) => this.#names.get(address),
    };
    this.#next = map.modules;
  }

  /** Where the per-CPU data of every module is. */
  get perCpuAddress(): bigint {
    return this.#map.perCpu;
  }

  /** The address of an imported symbol. */
  symbol(name: string): bigint {
    const known = this.#addresses.get(name);
    if (known !== undefined) return known;
    const count = this.#addresses.size;
    const range = this.#map.symbols[count % 2] ?? 0n;
    const address = range + BigInt(Math.floor(count / 2)) * this.#map.stride;
    this.#addresses.set(name, address);
    this.#names.set(address, name);
    return address;
  }

  /** Load a module behind the one before it. */
  load(object: ObjectFile, without: ReadonlySet<string> = new Set()): LoadedModule {
    const plan = this.architecture.linkage?.plan?.(object, this.kernel, this.#machine);
    const areas = layOutModule(object, this.kernel, this.#machine.pageSize, plan);
    const addresses = new Map<string, bigint>();
    for (const { name, size } of areas) {
      addresses.set(name, this.#next);
      this.#next += BigInt(Math.ceil(size / this.#map.pageSize) * this.#map.pageSize);
    }
    return loadModule({
      object,
      architecture: this.architecture,
      kernel: this.kernel,
      machine: this.#machine,
      addresses: { areas: addresses },
      external: this.#external,
      perCpuAddress: this.perCpuAddress,
      without,
    });
  }
}
