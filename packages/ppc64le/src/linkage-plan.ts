import type {
  Kernel,
  Linker,
  LinkagePlan,
  LinkedRelocation,
  LinkResult,
  ModuleImage,
  Refusal,
  SectionChange,
} from '@kelp/core';
import { SHT_RELA, type ObjectFile } from '@kelp/core/elf';
import { isPcRelative } from './configuration.ts';
import { GotTable, pcRelativeLetters } from './got-table.ts';
import { stubsOf, tocPointer } from './module-stubs.ts';
import { sortRelocations, type OrderedRelocations } from './relocation-order.ts';
import { gotSize, lastNamed, REL24, REL24_NOTOC, stubsSize } from './section-sizes.ts';

/**
 * module_frob_arch_sections(): sorts the records of every relocation section, those that are never applied and those of
 * livepatches included, and makes room for stubs. Nothing is freed after init: module_init_section() says no to all.
 *
 * @throws KelpError for relocation or symbol tables that cannot be read.
 */
export function plan(object: ObjectFile, kernel: Kernel): LinkagePlan {
  const pcRelative = isPcRelative(kernel);
  const relocations = new Map<number, OrderedRelocations>();
  for (const section of object.sections) {
    const records = section.type === SHT_RELA ? object.relocations(section) : undefined;
    if (records === undefined) continue;
    // get_got_size() sorts as well.
    relocations.set(section.index, sortRelocations(records, kernel, pcRelative ? 2 : 1));
  }
  const sections = new Map<number, SectionChange>();
  const change = (name: string, values: (alignment: number) => SectionChange): void => {
    const section = lastNamed(object, name);
    if (section !== undefined) sections.set(section.index, values(Math.max(8, Number(section.alignment))));
  };
  change('.stubs', () => ({ size: stubsSize(object, kernel, relocations.values()) }));
  if (pcRelative)
    change('.mygot', (alignment) => ({ alignment, size: gotSize(object, kernel, relocations.values()) }));
  else change('.toc', (alignment) => ({ alignment }));
  return {
    sections,
    textPrefix: 0,
    order: new Map([...relocations].map(([index, { order }]) => [index, order])),
    withoutInit: true,
    link: (image) => (pcRelative ? pcRelativeLinker(image) : tocLinker(image)),
  };
}

/** PPC64_LOCAL_ENTRY_OFFSET(): the distance from a function's global to its local entry point. */
function localEntryOffset(other: number): bigint {
  return BigInt(((1 << ((other >> 5) & 7)) >> 2) << 2);
}

/** dedotify() defines .TOC., and find_dot_toc() and apply_relocate_add() give it the value of r2. */
function tocLinker(image: ModuleImage): Linker {
  const TOC = tocPointer(image);
  const withToc: LinkResult = { kind: 'letters', letters: { TOC } };
  return {
    ...stubLifetime(image),
    letters(relocation) {
      const isToc = relocation.external && relocation.symbolName === '.TOC.';
      const S = isToc ? TOC : relocation.S;
      if (relocation.type !== REL24) return isToc ? { kind: 'letters', letters: { TOC, S } } : withToc;
      const D = branchTarget(image, isToc ? { ...relocation, S, external: false } : relocation);
      return typeof D === 'bigint' ? { kind: 'letters', letters: { TOC, S, D } } : { kind: 'refused', ...D };
    },
  };
}

function pcRelativeLinker(image: ModuleImage): Linker {
  const got = new GotTable(image);
  return {
    ...stubLifetime(image),
    letters(relocation) {
      if (relocation.type !== REL24 && relocation.type !== REL24_NOTOC)
        return pcRelativeLetters(image, got, relocation);
      const D = branchTarget(image, relocation);
      return typeof D === 'bigint' ? { kind: 'letters', letters: { D } } : { kind: 'refused', ...D };
    },
  };
}

/** What becomes of stubs when calls go. */
function stubLifetime(image: ModuleImage): Pick<Required<Linker>, 'release' | 'unused'> {
  return {
    unused: (inUse) => stubsOf(image).unused(targetsOf(inUse)),
    release: (inUse) => stubsOf(image).release(targetsOf(inUse)),
  };
}

/** Targets of the calls that have a stub. */
function targetsOf(relocations: Iterable<LinkedRelocation>): ReadonlySet<bigint> {
  const targets = new Set<bigint>();
  for (const { type, external, S, A } of relocations) {
    if (external && (type === REL24 || type === REL24_NOTOC)) targets.add(BigInt.asUintN(64, S + A));
  }
  return targets;
}

/** Where a branch goes. The loader asks st_shndx only: an undefined symbol always gets a stub, a defined one never. */
function branchTarget(
  image: ModuleImage,
  { symbolName, external, other, S, A }: LinkedRelocation,
): bigint | Refusal {
  const target = BigInt.asUintN(64, S + A);
  if (!external) return target + localEntryOffset(other);
  const name = symbolName.startsWith('.') ? symbolName.slice(1) : symbolName;
  return stubsOf(image).stubFor(target, name) ?? { errno: 'ENOENT', reason: 'no stub can be made' };
}
