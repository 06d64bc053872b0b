import { KelpError } from '@kelp/core';
import type { KernelReader, KernelView } from './kernel-reader.ts';
import type { LoadedModule, LoadedSection, MemoryArea } from './kernel-snapshot.ts';
import type { SymbolCollector } from './kernel-symbols.ts';
import { hex } from './memory-source.ts';
import {
  moduleStart,
  type ModuleKallsymsLayout,
  type ModuleLayout,
  type SectionAttributesLayout,
} from './module-layout.ts';
import type { ModuleState } from './proc-modules.ts';

/** More sections than any module has. */
const mostSections = 2 ** 16;

/** More symbols than any module has. */
const mostSymbols = 2 ** 20;

/** Bytes of a checksum in digits, with some to spare: modpost writes 24. */
const longestSrcversion = 64;

/** Longest name of a section; sysfs allows no more. */
const longestName = 256;

/** KSYM_NAME_LEN. */
const longestSymbol = 512;

/** enum module_state. */
const states: readonly ModuleState[] = ['live', 'coming', 'going', 'unformed'];

/**
 * Read a struct module.
 *
 * @throws KelpError `memory/damaged-module`, `memory/absent`.
 */
export function readModule(reader: KernelReader, layout: ModuleLayout, address: bigint): LoadedModule {
  const view = reader.view(address, layout.size, 'struct module');
  const name = view.string(layout.name, moduleStart.nameSize);
  const state = states[view.u32(moduleStart.state)];
  if (state === undefined) throw damaged(`state is ${view.u32(moduleStart.state)}`, address, reader);
  const areas = layout.areas
    .map((area) => ({ name: area.name, address: view.u64(area.base), size: view.u32(area.size) }))
    .filter(({ size }) => size > 0);
  const { perCpu } = layout;
  const perCpuSize = perCpu === undefined ? 0 : view.u32(perCpu.size);
  return {
    name,
    state,
    base: view.u64(layout.areas[0]?.base ?? 0),
    size: areas.reduce((sum: number, { size }: MemoryArea) => sum + size, 0),
    sections: new Map(
      readSections(reader, layout.sections, address).map((section) => [section.name, section]),
    ),
    areas,
    perCpu:
      perCpu === undefined || perCpuSize === 0
        ? undefined
        : { address: view.u64(perCpu.base), size: perCpuSize },
    srcversion: readSrcversion(reader, view, layout),
  };
}

/** A module without one has NULL; and what points to memory that the dump lacks tells nothing. */
function readSrcversion(
  reader: KernelReader,
  view: KernelView,
  { srcversion }: ModuleLayout,
): string | undefined {
  const text = srcversion === undefined ? 0n : view.u64(srcversion);
  return text === 0n ? undefined : reader.tryString(text, longestSrcversion);
}

/** The sections that the sysfs attributes of a module name, in the order of the section headers. */
export function readSections(
  reader: KernelReader,
  layout: SectionAttributesLayout,
  module: bigint,
): LoadedSection[] {
  const group = reader.u64(module + BigInt(layout.pointer), 'sect_attrs of a module');
  // A module whose sysfs entries could not be made, or are not there yet.
  if (group === 0n) return [];
  const list = reader.u64(group + BigInt(layout.attributes), 'bin_attrs of the section attributes');
  const sections: LoadedSection[] = [];
  for (let index = 0; ; index++) {
    const attribute = reader.u64(list + BigInt(index * 8), 'a section attribute');
    if (attribute === 0n) return sections;
    if (index >= mostSections) throw damaged('the section attributes do not end', module, reader);
    const nameAddress = reader.u64(attribute + BigInt(layout.name), 'the name of a section');
    const name = reader.string(nameAddress, longestName, 'the name of a section');
    const address = reader.u64(attribute + BigInt(layout.address), 'the address of a section');
    sections.push({ name, address, size: undefined });
  }
}

/**
 * Add the symbols of a module, as module_get_kallsym lists them. Type letters are the module's own: /proc/kallsyms
 * shows exported symbols in upper case and all others in lower case.
 */
export function addModuleSymbols(
  collector: SymbolCollector,
  reader: KernelReader,
  layout: ModuleKallsymsLayout,
  module: { readonly address: bigint; readonly name: string },
): void {
  const table = reader.u64(module.address + BigInt(layout.pointer), 'kallsyms of a module');
  if (table === 0n) return;
  const count = reader.u32(table + BigInt(layout.count), 'num_symtab of a module');
  if (count > mostSymbols) throw damaged(`${count} symbols`, module.address, reader);
  const pointer = (offset: number): bigint =>
    reader.u64(table + BigInt(offset), 'the symbol table of a module');
  const symbols = reader.view(pointer(layout.symbols), count * symbolSize, 'the symbols of a module');
  const types = reader.bytes(pointer(layout.types), count, 'the symbol types of a module');
  const strings = pointer(layout.strings);
  for (let index = 0; index < count; index++) {
    const nameOffset = symbols.u32(index * symbolSize);
    const name = reader.string(strings + BigInt(nameOffset), longestSymbol, 'the name of a symbol');
    if (name === '') continue;
    collector.add(name, symbols.u64(index * symbolSize + symbolValue), types[index] ?? 0, module.name);
  }
}

// Elf64_Sym.
const symbolSize = 24;
const symbolValue = 8;

function damaged(found: string, address: bigint, reader: KernelReader): KelpError {
  const message = `no struct module at ${hex(address)}: ${found}`;
  return new KelpError('memory/damaged-module', message, { file: reader.file });
}
