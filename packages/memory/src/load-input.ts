import { vmlinuxObject, type Architecture, type GeneratedCode } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import type { ExternalSymbols, LivepatchSymbols, LoadInput } from '@kelp/loader';
import { generatedCode } from './generated-code.ts';
import type { KernelSnapshot, LoadedModule } from './kernel-snapshot.ts';
import { kernelSymbol } from './kernel-symbols.ts';
import { withFeatures, type DescribedMachine } from './machine-description.ts';

/** A module that is loaded again, and what is known of its kernel. */
export interface Reload {
  readonly module: LoadedModule;
  readonly object: ObjectFile;
  readonly architecture: Architecture;
  readonly described: DescribedMachine;
  readonly external: ExternalSymbols;
  /** Absent: livepatch relocations against vmlinux are resolved with `external`. */
  readonly livepatchSymbols?: LivepatchSymbols;
}

/**
 * The addresses, symbols and machine of a loaded module: everything that loading it again depends on but memory. What
 * the machine says about itself is the likely answer to what is asked, for somebody who has memory to look at.
 */
export function loadInputOf(reload: Reload): LoadInput {
  const { module, object, architecture, described, external } = reload;
  const { certain, likely } = described.answers;
  return {
    object,
    architecture,
    kernel: described.kernel,
    machine: described.machine,
    likely: new Map([...certain, ...likely]),
    addresses: {
      // The base in /proc/modules is the core layout's up to 6.3, later that of the text.
      areas: new Map([
        ['core', module.base],
        ['text', module.base],
      ]),
      sections: new Map([...module.sections].map(([name, { address }]) => [name, address])),
    },
    external,
    ...(reload.livepatchSymbols === undefined ? {} : { livepatchSymbols: reload.livepatchSymbols }),
    ...(module.perCpu === undefined ? {} : { perCpuAddress: module.perCpu.address }),
  };
}

/** The same for loading without a look at memory: the machine's word is taken for what it says. */
export function unaidedInputOf(reload: Reload): LoadInput {
  const { described } = reload;
  const { certain, likely } = described.answers;
  return { ...loadInputOf(reload), machine: withFeatures(described), answers: certain, likely };
}

/** Symbols of a snapshot for loading; exports of modules that were loaded earlier come first. */
export function externalSymbols(
  snapshot: KernelSnapshot,
  exported: ReadonlyMap<string, bigint>,
): ExternalSymbols {
  let generated: readonly GeneratedCode[] | undefined;
  return {
    address: (name) => exported.get(name) ?? kernelSymbol(snapshot.symbols, name),
    functionAt: (address) => functionAt(snapshot, address),
    // All symbols are gone through: once, and not before somebody asks.
    get generatedCode() {
      return (generated ??= generatedCode(snapshot));
    },
  };
}

/** Symbols of a snapshot as livepatch finds them: by address in vmlinux, in the order of the symbol table in a module. */
export function livepatchSymbols(snapshot: Pick<KernelSnapshot, 'symbols'>): LivepatchSymbols {
  return (object, name) => {
    const inVmlinux = object === vmlinuxObject;
    const found = snapshot.symbols
      .namedIn(name, inVmlinux ? undefined : object)
      .map(({ address }) => address);
    return inVmlinux ? found.toSorted((a, b) => (a < b ? -1 : Number(a > b))) : found;
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

function functionAt(snapshot: KernelSnapshot, address: bigint): string | undefined {
  const found = snapshot.symbols.at(address);
  return found?.offset === 0n ? found.symbol.name : undefined;
}
