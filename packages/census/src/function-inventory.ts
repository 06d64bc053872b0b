import { modulePath } from './module-path.ts';
import type { FunctionUse, KeyUse } from './function-use.ts';
import { compareText } from './compare-text.ts';
import { isLeftOut } from './patching-costs.ts';

/** How many functions of a module the entries of a special section name. */
interface FunctionSectionUse {
  /** Untrusted. */
  readonly section: string;
  readonly functions: number;
  /** Entries that name a function; one that names two counts for both. */
  readonly entries: number;
  /** Entries that name code outside of all functions. */
  readonly outside: number;
}

/** A function with keys. */
export interface KeyedFunction {
  /** Untrusted. */
  readonly name: string;
  readonly keys: readonly KeyUse[];
}

/** What one module says about its functions. */
export interface FunctionInventory {
  /** Path in the tree of modules: `kernel/fs/ext4/ext4.ko`. Untrusted. */
  readonly module: string;
  /** Symbols of functions that it defines. */
  readonly functions: number;
  /** Functions with an entry in a table of keys. */
  readonly keyed: number;
  /** Those whose keys all lie in the module and are left out by the tools: they lose tracepoints and pr_debug(). */
  readonly losing: number;
  readonly sections: readonly FunctionSectionUse[];
  /** The other functions with keys: what becomes of them may depend on which modules define the keys. */
  readonly keys: readonly KeyedFunction[];
  /** Data objects that the module exports: keys of other modules may be among them. */
  readonly exports: readonly string[];
}

/** Count what a module uses, and keep the functions of which the other modules decide. */
export function functionInventory(file: string, use: FunctionUse): FunctionInventory {
  const keys: KeyedFunction[] = [];
  let losing = 0;
  const keyed = use.keyed();
  for (const position of keyed) {
    const uses = use.keysOf(position);
    if (uses.every(({ external, kind }) => !external && isLeftOut(kind))) losing++;
    else keys.push({ name: use.functionName(position), keys: uses.toSorted(compareKeys) });
  }
  return {
    module: modulePath(file),
    functions: use.symbols.functionSymbols,
    keyed: keyed.length,
    losing,
    sections: [...use.entries]
      .map(([section, entries]) => ({
        section,
        functions: entries.size,
        entries: [...entries.values()].reduce((sum, count) => sum + count, 0),
        outside: use.outside.get(section) ?? 0,
      }))
      .filter(({ entries, outside }) => entries + outside > 0),
    keys: keys.toSorted((a, b) => compareText(a.name, b.name)),
    exports: use.symbols.exportedObjects(),
  };
}

function compareKeys(a: KeyUse, b: KeyUse): number {
  return compareText(a.table, b.table) || compareText(a.key, b.key);
}

/** Subsystem of a module path: the two folders below `kernel`, `drivers/net`, or fewer; `other` outside of it. */
export function subsystemOf(module: string): string {
  const folders = module.split('/').slice(0, -1);
  if (folders[0] !== 'kernel') return 'other';
  return folders.slice(1, 3).join('/') || 'kernel';
}
