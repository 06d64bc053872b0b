import { vmlinuxObject } from '@kelp/core';
import { SHF_ALLOC, type ObjectFile } from '@kelp/core/elf';

/** How often an object has a symbol. */
export interface SymbolCount {
  /** While the object comes, its init memory included. */
  readonly all: number;
  /** Of these, in memory that is freed after init: they do not count any more once the object is live. */
  readonly init: number;
}

const none: SymbolCount = { all: 0, init: 0 };

/** What is known of the symbols of the kernel and of modules, in the way klp_find_object_symbol() counts them. */
export class KnownSymbols {
  readonly #objects = new Map<string, ReadonlyMap<string, SymbolCount>>();

  /**
   * @param lists - names by object, in any order; the init symbols among them cannot be told.
   * @param modules - files of modules by name, which win over the lists.
   */
  constructor(
    lists: ReadonlyMap<string, readonly string[]>,
    modules: ReadonlyMap<string, ObjectFile>,
    withoutInit: boolean,
  ) {
    for (const [object, names] of lists) this.#objects.set(object, countNames(names));
    for (const [object, file] of modules) this.#objects.set(object, countSymbols(file, withoutInit));
  }

  /** Undefined where nothing is known about the object. */
  count(object: string, name: string): SymbolCount | undefined {
    const counts = this.#objects.get(object);
    return counts === undefined ? undefined : (counts.get(name) ?? none);
  }

  has(object: string): boolean {
    return this.#objects.has(object);
  }

  /** Whether some object exports a symbol; undefined where nothing is known about the exports of the kernel. */
  exports(name: string): boolean | undefined {
    const kernel = this.#objects.get(vmlinuxObject);
    if (kernel === undefined) return undefined;
    const known = [...this.#objects.values()].some((counts) => counts.has(`${exportPrefix}${name}`));
    // A list without a single export has left them out.
    return known || (hasExports(kernel) ? false : undefined);
  }
}

/** A symbol of this name stands for an export of what follows (EXPORT_SYMBOL, include/linux/export.h). */
const exportPrefix = '__ksymtab_';

function hasExports(counts: ReadonlyMap<string, SymbolCount>): boolean {
  for (const name of counts.keys()) if (name.startsWith(exportPrefix)) return true;
  return false;
}

function countNames(names: readonly string[]): ReadonlyMap<string, SymbolCount> {
  const counts = new Map<string, SymbolCount>();
  for (const name of names) counts.set(name, { all: (counts.get(name)?.all ?? 0) + 1, init: 0 });
  return counts;
}

/** module_kallsyms_on_each_symbol(): everything that add_kallsyms() keeps and that is defined. */
function countSymbols(file: ObjectFile, withoutInit: boolean): ReadonlyMap<string, SymbolCount> {
  const counts = new Map<string, SymbolCount>();
  const symbols = file.symbols();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    const section = file.sections[symbols?.sectionIndex(index) ?? -1];
    if (symbols === undefined || section === undefined || (section.flags & SHF_ALLOC) === 0n) continue;
    const name = symbols.name(index);
    if (name === '') continue;
    const { all, init } = counts.get(name) ?? none;
    const isInit = !withoutInit && section.name.startsWith('.init');
    counts.set(name, { all: all + 1, init: init + (isInit ? 1 : 0) });
  }
  return counts;
}
