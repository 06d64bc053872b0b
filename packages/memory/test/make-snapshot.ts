import type { KernelSnapshot, LoadedModule } from '../src/kernel-snapshot.ts';
import { SymbolCollector } from '../src/kernel-symbols.ts';
import { memorySource } from '../src/memory-source.ts';
import type { ReadMemory } from '../src/inference.ts';

/** A snapshot of a kernel of which little is known. */
export function makeSnapshot(
  modules: readonly LoadedModule[] = [],
  read: ReadMemory = () => undefined,
): KernelSnapshot {
  return {
    kind: 'capture',
    origin: 'made up',
    release: '6.12.1',
    elf: undefined,
    memory: memorySource((address, length) => {
      const bytes = read(address, length);
      return bytes ?? { length, absent: 'not-captured' };
    }),
    symbols: new SymbolCollector().symbols(),
    exports: undefined,
    modules,
    text: () => undefined,
    auxiliaryVector: () => undefined,
    close: () => undefined,
  };
}

/** A live module with its sections by address. */
export function makeModule(
  name: string,
  sections: readonly (readonly [name: string, address: bigint, size: number | undefined])[],
): LoadedModule {
  return {
    name,
    state: 'live',
    base: sections[0]?.[1] ?? 0n,
    size: 4096,
    sections: new Map(sections.map(([title, address, size]) => [title, { name: title, address, size }])),
    areas: [],
    perCpu: undefined,
  };
}
