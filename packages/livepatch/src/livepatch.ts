import {
  decodeEntries,
  entrySource,
  klpRelocEntry,
  livepatchSymbolPrefix,
  parseLivepatchSymbolName,
  type LivepatchSymbolName,
} from '@kelp/core';
import { modinfoValue, parseModinfo, SHN_LIVEPATCH, type ObjectFile, type Section } from '@kelp/core/elf';
import { klpObjects } from './klp-structures.ts';
import type { LivepatchObject } from './livepatch-object.ts';
import { livepatchRelocations, type LivepatchRelocations } from './relocation-sections.ts';
import { kpatchObjects, objtoolObjects } from './tool-structures.ts';

/** A symbol that livepatch resolves, or that a tool was to make one of. */
export interface LivepatchSymbol {
  /** Index into the symbol table. */
  readonly index: number;
  /** The symbol's whole name. Untrusted. */
  readonly text: string;
  /** What the name says; undefined where the kernel cannot read it: EINVAL. */
  readonly name: LivepatchSymbolName | undefined;
  /** st_shndx is SHN_LIVEPATCH. */
  readonly converted: boolean;
}

/** Relocations of an object that objtool klp post-link has not converted, or has left behind: `__klp_relocs.OBJECT`. */
export interface IntermediateRelocations {
  readonly section: Section;
  readonly count: number;
}

/** Who wrote the list of objects and functions. */
export type StructureKind = 'klp_patch' | 'objtool' | 'kpatch';

/** What a livepatch module carries for livepatch. */
export interface Livepatch {
  /** Value of `livepatch` in .modinfo, which makes a module a livepatch whatever it is; undefined where it is missing. Untrusted. */
  readonly flag: string | undefined;
  /** Where `objects` comes from; undefined where the module makes its klp_patch in another way. */
  readonly structures: StructureKind | undefined;
  readonly objects: readonly LivepatchObject[];
  /** Sections with SHF_RELA_LIVEPATCH in header order. */
  readonly relocations: readonly LivepatchRelocations[];
  /** In the order of the symbol table. */
  readonly symbols: readonly LivepatchSymbol[];
  readonly intermediate: readonly IntermediateRelocations[];
  /** `.klp.arch.OBJECT.SECTION`: copies of special sections, which kernels before 5.8 processed late. */
  readonly archSections: readonly Section[];
}

/**
 * Read what a module carries for livepatch.
 *
 * @returns undefined for a module that is no livepatch and has nothing of one.
 * @throws KelpError `elf/...` for tables that cannot be read.
 */
export function readLivepatch(file: ObjectFile): Livepatch | undefined {
  const [structures, objects] = readObjects(file);
  const livepatch: Livepatch = {
    flag: readFlag(file),
    structures,
    objects,
    relocations: livepatchRelocations(file),
    symbols: readSymbols(file),
    intermediate: file.sections
      .filter(({ name }) => /^__klp_relocs(?:\.|$)/u.test(name))
      .map((section) => ({ section, count: countIntermediate(file, section) })),
    archSections: file.sections.filter(({ name }) => name.startsWith('.klp.arch.')),
  };
  const { flag, relocations, symbols, intermediate, archSections } = livepatch;
  const parts = [objects, relocations, symbols, intermediate, archSections];
  return flag === undefined && parts.every(({ length }) => length === 0) ? undefined : livepatch;
}

function readFlag(file: ObjectFile): string | undefined {
  const section = file.section('.modinfo');
  return section === undefined ? undefined : modinfoValue(parseModinfo(section.bytes), 'livepatch');
}

function readObjects(file: ObjectFile): readonly [StructureKind | undefined, readonly LivepatchObject[]] {
  const own = klpObjects(file);
  if (own.length > 0) return ['klp_patch', own];
  const objtool = objtoolObjects(file);
  if (objtool.length > 0) return ['objtool', objtool];
  const kpatch = kpatchObjects(file);
  return kpatch.length > 0 ? ['kpatch', kpatch] : [undefined, []];
}

function readSymbols(file: ObjectFile): readonly LivepatchSymbol[] {
  const table = file.symbols();
  const symbols: LivepatchSymbol[] = [];
  for (let index = 1; index < (table?.count ?? 0); index++) {
    if (table === undefined) break;
    const converted = table.rawSectionIndex(index) === SHN_LIVEPATCH;
    const text = table.name(index);
    if (!converted && !text.startsWith(livepatchSymbolPrefix)) continue;
    symbols.push({ index, text, name: parseLivepatchSymbolName(text), converted });
  }
  return symbols;
}

function countIntermediate(file: ObjectFile, section: Section): number {
  return [...decodeEntries(klpRelocEntry, entrySource(file, section))].length;
}
