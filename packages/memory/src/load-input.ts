import { parseKernel, type Architecture, type GeneratedCode, type Machine } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import type { ExternalSymbols, LoadInput } from '@kelp/loader';
import { generatedCode } from './generated-code.ts';
import type { KernelSnapshot, LoadedModule } from './kernel-snapshot.ts';

/** The addresses, symbols and machine of a loaded module: everything that loading it again depends on but memory. */
export function loadInputOf(
  snapshot: KernelSnapshot,
  module: LoadedModule,
  object: ObjectFile,
  architecture: Architecture,
  machine: Machine,
  external: ExternalSymbols,
): LoadInput {
  return {
    object,
    architecture,
    kernel: parseKernel(snapshot.release),
    machine,
    addresses: {
      // The base in /proc/modules is the core layout's up to 6.3, later that of the text.
      areas: new Map([
        ['core', module.base],
        ['text', module.base],
      ]),
      sections: new Map([...module.sections].map(([name, { address }]) => [name, address])),
    },
    external,
    ...(module.perCpu === undefined ? {} : { perCpuAddress: module.perCpu.address }),
  };
}

/** Symbols of a snapshot for loading; exports of modules that were loaded earlier come first. */
export function externalSymbols(
  snapshot: KernelSnapshot,
  exported: ReadonlyMap<string, bigint>,
): ExternalSymbols {
  let generated: readonly GeneratedCode[] | undefined;
  return {
    address: (name) => exported.get(name) ?? kernelSymbol(snapshot, name),
    functionAt: (address) => functionAt(snapshot, address),
    // All symbols are gone through: once, and not before somebody asks.
    get generatedCode() {
      return (generated ??= generatedCode(snapshot));
    },
  };
}

/** What __ksymtab of a loaded module lists, at the addresses of the symbols. */
export function addExportsOf(exported: Map<string, bigint>, object: ObjectFile, module: LoadedModule): void {
  const symbols = object.symbols();
  if (symbols === undefined) return;
  const names = new Set<string>();
  for (let index = 1; index < symbols.count; index++) {
    const name = symbols.name(index);
    if (name.startsWith('__ksymtab_')) names.add(name.slice('__ksymtab_'.length));
  }
  for (let index = 1; index < symbols.count; index++) {
    const section = object.sections[symbols.sectionIndex(index) ?? 0];
    const address = section === undefined ? undefined : module.sections.get(section.name)?.address;
    if (address === undefined || symbols.binding(index) === 0) continue;
    const name = symbols.name(index);
    if (names.has(name)) exported.set(name, address + symbols.value(index));
  }
}

/** Exported symbols first: kallsyms may list a local symbol of the same name. */
function kernelSymbol(snapshot: KernelSnapshot, name: string): bigint | undefined {
  const symbols = snapshot.symbols.namedIn(name, undefined);
  const exported =
    symbols.find(({ type }) => type === '?') ?? symbols.find(({ type }) => type === type.toUpperCase());
  return (exported ?? symbols[0])?.address;
}

function functionAt(snapshot: KernelSnapshot, address: bigint): string | undefined {
  const found = snapshot.symbols.at(address);
  return found?.offset === 0n ? found.symbol.name : undefined;
}
