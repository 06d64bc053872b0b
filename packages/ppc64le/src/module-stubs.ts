import type { ModuleImage } from '@kelp/core';
import { isPcRelative } from './configuration.ts';
import { ftraceTrampolines, lastNamed, outOfLineArea, type OutOfLineArea } from './section-sizes.ts';
import { StubTable } from './stub-table.ts';

/** my_r2(): the module's TOC pointer. A module without .toc takes .stubs instead, hence the rounding. */
export function tocPointer(image: ModuleImage): bigint {
  // No value that any relocation uses.
  if (isPcRelative(image.kernel)) return 0xffff_ffff_ffff_ffffn;
  const index = (lastNamed(image.object, '.toc') ?? lastNamed(image.object, '.stubs'))?.index;
  const address = image.sections.find((section) => section.index === index)?.address ?? 0n;
  return (address & ~0xffn) + 0x8000n;
}

/** A stub for a function of ftrace. */
interface FtraceTrampoline {
  readonly name: string;
  readonly target: bigint;
  readonly address: bigint;
  /** Not written yet. */
  readonly fresh: boolean;
}

/** What module_finalize_ftrace() sets aside. */
export interface FtraceStubs {
  /** Undefined where there is no slot for one, or its address is not known: the module is refused. */
  readonly trampolines: readonly FtraceTrampoline[] | undefined;
  /** Undefined where the kernel has no out-of-line sequences, or no room for them. */
  readonly outOfLine: (OutOfLineArea & { readonly address: bigint }) | undefined;
  /** There is no room for the out-of-line sequences, which refuses the module. */
  readonly outOfRoom: boolean;
}

interface ModuleStubs {
  readonly table: StubTable;
  ftrace?: FtraceStubs;
}

/** What struct mod_arch_specific remembers of a module. */
const remembered = new WeakMap<ModuleImage, ModuleStubs>();

/** The stubs of a module that is being loaded. */
export function stubsOf(image: ModuleImage): StubTable {
  return modulesStubs(image).table;
}

/** The slots that ftrace has in .stubs; they are set aside when this is asked first. */
export function ftraceStubsOf(image: ModuleImage): FtraceStubs {
  const stubs = modulesStubs(image);
  stubs.ftrace ??= setAside(image, stubs.table);
  return stubs.ftrace;
}

function modulesStubs(image: ModuleImage): ModuleStubs {
  const known = remembered.get(image);
  if (known !== undefined) return known;
  const stubs: ModuleStubs = { table: new StubTable(image, tocPointer(image)) };
  remembered.set(image, stubs);
  return stubs;
}

function setAside(image: ModuleImage, table: StubTable): FtraceStubs {
  const trampolines = ftraceTrampolines(image.kernel).flatMap((name) => trampoline(image, table, name) ?? []);
  const complete = trampolines.length === ftraceTrampolines(image.kernel).length;
  const area = complete ? outOfLineArea(image.object, image.kernel) : undefined;
  const address = area === undefined ? undefined : table.reserveBlock(area.stubs);
  table.pin();
  return {
    trampolines: complete ? trampolines : undefined,
    outOfLine: area === undefined || address === undefined ? undefined : { ...area, address },
    outOfRoom: area !== undefined && address === undefined,
  };
}

function trampoline(image: ModuleImage, table: StubTable, name: string): FtraceTrampoline | undefined {
  const target = image.externalSymbol(name);
  const slot = target === undefined ? undefined : table.reserve(target);
  return target === undefined || slot === undefined ? undefined : { name, target, ...slot };
}
