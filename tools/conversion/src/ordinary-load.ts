import { parseKernel, requireArchitecture, type Architecture, type Kernel } from '@kelp/core';
import { arm64 } from '@kelp/arm64';
import { findModinfoValue, parseObjectFile, SHN_UNDEF, type ObjectFile } from '@kelp/core/elf';
import { layOutModule, loadModule, placeConsecutively, type LoadedModule } from '@kelp/loader';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';

const architectures: readonly Architecture[] = [x86, ppc64le, s390x, arm64];

/** Where modules are, by architecture. */
const starts = new Map([
  ['x86', 0xffff_ffff_c000_0000n],
  ['ppc64le', 0xc008_0000_0000_0000n],
  ['s390x', 0x3ff_8000_0000n],
  ['arm64', 0xffff_8000_7a00_0000n],
]);

/** Names that loaders know, and that the kernel exports or the loader itself defines. */
export const reservedNames: ReadonlySet<string> = new Set([
  '_mcount',
  '__stack_chk_guard',
  '_GLOBAL_OFFSET_TABLE_',
  '.TOC.',
]);

/** Distance between areas of a module, so that they stay where they are when one grows. */
const areaDistance = 0x10_0000;

/** Loads a module and what was made of it to the same place, with the same addresses for its symbols. */
export class OrdinaryLoad {
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  /** Undefined symbols of the module, without those that loaders know. */
  readonly symbols: readonly string[];
  readonly #addresses: ReadonlyMap<string, bigint>;
  readonly #start: bigint;

  constructor(bytes: Uint8Array, file?: string) {
    this.object = parseObjectFile(bytes, file);
    this.architecture = requireArchitecture(this.object, architectures);
    const modinfo = this.object.section('.modinfo')?.bytes ?? new Uint8Array();
    this.kernel = parseKernel(findModinfoValue(modinfo, 'vermagic')?.split(' ', 1)[0] ?? '');
    const names = undefinedSymbols(this.object);
    this.symbols = names.filter((name) => !reservedNames.has(name));
    this.#start = starts.get(this.architecture.id) ?? 0n;
    const first = this.#start + 0x180_0000n;
    this.#addresses = new Map(names.map((name, index) => [name, first + BigInt(index) * 0x40n]));
  }

  /** The address of a symbol. What only the loader asks for, such as ftrace_caller, has one, too. */
  address(name: string): bigint {
    return this.#addresses.get(name) ?? this.#start + 0x17f_0000n;
  }

  load(bytes: Uint8Array): LoadedModule {
    const object = parseObjectFile(bytes);
    const { architecture, kernel } = this;
    const machine = { pageSize: 4096, smp: true, feature: () => undefined, value: () => undefined };
    const plan = architecture.linkage?.plan?.(object, kernel, machine);
    const areas = layOutModule(object, kernel, machine.pageSize, plan);
    return loadModule({
      object,
      architecture,
      kernel,
      machine,
      addresses: { areas: placeConsecutively(areas, this.#start, areaDistance) },
      external: { address: (name) => this.address(name), functionAt: () => undefined },
      livepatchSymbols: (_object, name) => [this.address(name)],
    });
  }
}

function undefinedSymbols(file: ObjectFile): readonly string[] {
  const table = file.symbols();
  const names = new Set<string>();
  for (let index = 1; index < (table?.count ?? 0); index++)
    if (table?.rawSectionIndex(index) === SHN_UNDEF) names.add(table.name(index));
  return [...names];
}
