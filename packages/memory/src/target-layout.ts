import type { Architecture, Kernel, Machine } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { layOutModule } from '@kelp/loader';

/** Where a symbol stands in a module, wherever that is loaded. */
interface SymbolPlace {
  /** Area of the module. */
  readonly area: string;
  /** Bytes from its start. */
  readonly offset: bigint;
}

/** Places of all symbols of a name, in the order of the symbol table. */
export type TargetLayout = (name: string) => readonly SymbolPlace[];

/** Where a module has its symbols, from its file: what livepatch counts when it looks for a position. */
export function targetLayout(
  object: ObjectFile,
  architecture: Architecture,
  kernel: Kernel,
  machine: Machine,
): TargetLayout {
  const plan = architecture.linkage?.plan?.(object, kernel, machine);
  const sections = new Map<number, SymbolPlace>();
  for (const { name, init, placements } of layOutModule(object, kernel, machine.pageSize, plan)) {
    if (init) continue;
    for (const { section, offset } of placements)
      sections.set(section.index, { area: name, offset: BigInt(offset) });
  }
  const places = new Map<string, SymbolPlace[]>();
  const symbols = object.symbols();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    const section = sections.get(symbols?.sectionIndex(index) ?? 0);
    if (symbols === undefined || section === undefined) continue;
    const place = { area: section.area, offset: section.offset + symbols.value(index) };
    const name = symbols.name(index);
    const known = places.get(name);
    if (known === undefined) places.set(name, [place]);
    else known.push(place);
  }
  return (name) => places.get(name) ?? [];
}
