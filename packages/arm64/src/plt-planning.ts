import {
  appliesTo,
  hasOption,
  type Kernel,
  type LinkagePlan,
  type Machine,
  type SectionChange,
} from '@kelp/core';
import type { ObjectFile, SymbolTable } from '@kelp/core/elf';
import { erratum843419 } from './features.ts';
import { trampolineSizes } from './ftrace-trampolines.ts';
import { countPlts } from './plt-counting.ts';
import { pltEntrySize } from './plt-entries.ts';
import { askForLayout, directLinker, pltLinker, refusingLinker, type CoreAndInit } from './plt-linker.ts';

/** L1_CACHE_BYTES. */
const pltAlignment = 64;

/** module_frob_arch_sections(): make room for PLT entries and trampolines, and reorder relocations. */
export function planPlts(object: ObjectFile, kernel: Kernel, machine: Machine): LinkagePlan {
  const plts = pltSections(object);
  const symbols = object.symbols();
  if (plts === undefined && !needsPlts(object, kernel)) return { ...unchanged, link: () => directLinker };
  if (plts === undefined) return refusing('the module has no section .plt or .init.plt');
  if (symbols === undefined) return refusing('the module has no symbol table');
  const affected = machine.feature(erratum843419);
  const demand = demandOf(object, symbols, kernel, affected === true);
  const { core, init, alignments, order } = demand;
  const decides = affected === undefined && !isSameLayout(demand, demandOf(object, symbols, kernel, true));
  const sections = new Map<number, SectionChange>();
  for (const [index, alignment] of alignments) sections.set(index, { alignment });
  sections.set(plts.core, { ...linkageSection((core + 1) * pltEntrySize), alignment: pltAlignment });
  sections.set(plts.init, { ...linkageSection((init + 1) * pltEntrySize), alignment: pltAlignment });
  for (const [name, size] of trampolineSizes(kernel)) {
    const section = object.sections.findLast((one) => one.name === name);
    if (section !== undefined) sections.set(section.index, { ...linkageSection(size), alignment: 4 });
  }
  return {
    sections,
    order,
    textPrefix: 0,
    link: (image) => {
      if (decides) askForLayout(image);
      return pltLinker(image, plts, { core, init }, affected);
    },
  };
}

/** A plan that leaves the file's layout and order. */
const unchanged = {
  sections: new Map<number, SectionChange>(),
  order: new Map<number, Uint32Array>(),
  textPrefix: 0,
};

function refusing(reason: string): LinkagePlan {
  return { ...unchanged, link: () => refusingLinker({ errno: 'ENOEXEC', reason }) };
}

/** Executable, zero at first. */
function linkageSection(size: number): SectionChange {
  return { size, noBits: true, executable: true };
}

/** Indices of the sections that hold a module's PLT entries. */
function pltSections(object: ObjectFile): CoreAndInit | undefined {
  const core = object.sections.findLast(({ name }) => name === '.plt');
  const init = object.sections.findLast(({ name }) => name === '.init.plt');
  return core === undefined || init === undefined ? undefined : { core: core.index, init: init.index };
}

/** ARM64_MODULE_PLTS, part of every kernel since 6.5; before, a module with one of the sections was made for it. */
function needsPlts(object: ObjectFile, kernel: Kernel): boolean {
  if (appliesTo([{ since: '6.5' }], kernel) || hasOption(kernel, 'ARM64_MODULE_PLTS')) return true;
  return object.sections.some(({ name }) => name === '.plt' || name === '.init.plt');
}

/** Before 6.5 branches were taken to reach everything where the kernel stands at a fixed address. */
function mayBeOutOfReach(kernel: Kernel): boolean {
  if (kernel.configuration === undefined) return true;
  return appliesTo([{ since: '6.5' }, { before: '6.5', config: { RANDOMIZE_BASE: true } }], kernel);
}

/** Entries, and what else the relocations of a module ask for. */
interface ModuleDemand extends CoreAndInit {
  /** Alignment of relocated sections, by index. */
  readonly alignments: ReadonlyMap<number, number>;
  /** By index of the relocation section. */
  readonly order: ReadonlyMap<number, Uint32Array>;
}

function demandOf(object: ObjectFile, symbols: SymbolTable, kernel: Kernel, affected: boolean): ModuleDemand {
  const alignments = new Map<number, number>();
  const order = new Map<number, Uint32Array>();
  const needed = { core: 0, init: 0 };
  const rules = { kernel, branches: mayBeOutOfReach(kernel), erratum843419: affected };
  for (const section of object.sections) {
    const table = object.relocations(section);
    const target = object.sections[section.info];
    if (table === undefined || target?.isExecutable !== true) continue;
    const demand = countPlts(table, symbols, target, rules);
    if (demand.order !== undefined) order.set(section.index, demand.order);
    if (demand.alignment !== Number(target.alignment)) alignments.set(target.index, demand.alignment);
    needed[target.name.startsWith('.init') ? 'init' : 'core'] += demand.entries;
  }
  return { ...needed, alignments, order };
}

function isSameLayout(one: ModuleDemand, other: ModuleDemand): boolean {
  const sameAlignments =
    one.alignments.size === other.alignments.size &&
    [...one.alignments].every(([index, alignment]) => other.alignments.get(index) === alignment);
  return one.core === other.core && one.init === other.init && sameAlignments;
}
