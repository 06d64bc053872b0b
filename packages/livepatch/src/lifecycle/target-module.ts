import type { Architecture, Kernel, Machine } from '@kelp/core';
import { SHN_ABS, SHN_UNDEF, type ObjectFile } from '@kelp/core/elf';
import { layOutModule } from '@kelp/loader';
import type { ModuleMemory } from './surroundings.ts';

/** The symbols of a loaded module, as livepatch finds them, in the order of its symbol table. */
export interface ModuleSymbols {
  /** While the module is loaded: all of them. */
  coming(name: string): readonly bigint[];
  /** Once its init function has returned: those that stay in memory. */
  live(name: string): readonly bigint[];
}

/** A module that a livepatch patches. */
export interface TargetModule {
  /** Untrusted. */
  readonly name: string;
  /** Load it somewhere. */
  load(memory: ModuleMemory): ModuleSymbols;
}

interface Known {
  readonly address: bigint;
  readonly live: boolean;
}

class Table implements ModuleSymbols {
  readonly #symbols = new Map<string, Known[]>();

  add(name: string, address: bigint, live: boolean): void {
    const known = this.#symbols.get(name);
    if (known === undefined) this.#symbols.set(name, [{ address, live }]);
    else known.push({ address, live });
  }

  coming(name: string): readonly bigint[] {
    return (this.#symbols.get(name) ?? []).map(({ address }) => address);
  }

  live(name: string): readonly bigint[] {
    return (this.#symbols.get(name) ?? []).filter(({ live }) => live).map(({ address }) => address);
  }
}

/** A module with its file: where its symbols are follows from its layout. */
export function targetFromFile(
  name: string,
  object: ObjectFile,
  { architecture, kernel, machine }: TargetKernel,
): TargetModule {
  const plan = architecture.linkage?.plan?.(object, kernel, machine);
  const areas = layOutModule(object, kernel, machine.pageSize, plan);
  return {
    name,
    load(memory) {
      const addresses = memory.place(object);
      const placed = new Map(
        areas.flatMap((area) =>
          area.placements.map(({ section, offset }) => [
            section.index,
            { address: (addresses.get(area.name) ?? 0n) + BigInt(offset), init: area.init },
          ]),
        ),
      );
      return symbolsOf(object, placed);
    },
  };
}

/** What the layout of a module depends on. */
export interface TargetKernel {
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly machine: Machine;
}

function symbolsOf(
  object: ObjectFile,
  placed: ReadonlyMap<number, { readonly address: bigint; readonly init: boolean }>,
): ModuleSymbols {
  const table = new Table();
  const symbols = object.symbols();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    if (symbols === undefined) break;
    const raw = symbols.rawSectionIndex(index);
    if (raw === SHN_UNDEF) continue;
    const section = raw === SHN_ABS ? undefined : symbols.sectionIndex(index);
    const place = section === undefined ? undefined : placed.get(section);
    // is_core_symbol(): what has no memory that stays is dropped after init.
    const live = place !== undefined && !place.init;
    table.add(symbols.name(index), (place?.address ?? 0n) + symbols.value(index), live);
  }
  return table;
}

/** Bytes between two made-up symbols. */
const distance = 0x40;

/** A module of which no file is given: it has every symbol that the livepatch names, as often as it needs. */
export function inventTarget(name: string, needed: ReadonlyMap<string, number>): TargetModule {
  return {
    name,
    load(memory) {
      const table = new Table();
      const count = [...needed.values()].reduce((sum, one) => sum + one, 0);
      let address = memory.take((count + 1) * distance);
      for (const [symbol, times] of needed) {
        for (let more = times; more > 0; more--) {
          table.add(symbol, address, true);
          address += BigInt(distance);
        }
      }
      return table;
    },
  };
}
