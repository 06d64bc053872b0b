import type { FunctionCounts, FunctionSectionCount, KeyUseCount, SubsystemCount } from './census.ts';
import { compareText } from './compare-text.ts';
import type { KeyUse } from './function-use.ts';
import { isLeftOut } from './patching-costs.ts';
import { subsystemOf, type FunctionInventory } from './function-inventory.ts';

type Mutable<Row> = { -readonly [Name in keyof Row]: Row[Name] };

/** Counts of functions under construction. Names from files are keys of maps only. */
export class FunctionAccumulator {
  readonly #subsystems = new Map<string, Mutable<SubsystemCount>>();
  readonly #sections = new Map<string, Map<string, Mutable<FunctionSectionCount>>>();
  readonly #keys: KeyUseCount[] = [];
  readonly #exports = new Set<string>();

  addInventory({ module, functions, keyed, losing, sections, keys, exports }: FunctionInventory): void {
    const subsystem = subsystemOf(module);
    this.#addSubsystem({ subsystem, modules: 1, functions, keyed, losing });
    for (const use of sections) this.#addSection({ subsystem, ...use });
    const byKey = new Map<string, { readonly use: KeyUse; readonly functions: Set<string> }>();
    for (const one of keys) {
      for (const use of one.keys.map(withoutTracing)) {
        const id = JSON.stringify(use);
        const found = byKey.get(id);
        if (found === undefined) byKey.set(id, { use, functions: new Set([one.name]) });
        else found.functions.add(one.name);
      }
    }
    for (const { use, functions: names } of byKey.values())
      this.#keys.push({ module, ...use, functions: [...names].toSorted(compareText) });
    for (const name of exports) this.#exports.add(name);
  }

  addCounts(counts: FunctionCounts): void {
    for (const subsystem of counts.subsystems) this.#addSubsystem(subsystem);
    for (const section of counts.sections) this.#addSection(section);
    for (const use of counts.keys) this.#keys.push(use);
    for (const name of counts.exports) this.#exports.add(name);
  }

  /** The sums in their canonical order. */
  counts(): FunctionCounts {
    return {
      subsystems: [...this.#subsystems.values()].toSorted((a, b) => compareText(a.subsystem, b.subsystem)),
      sections: [...this.#sections.values()]
        .flatMap((sections) => [...sections.values()])
        .toSorted((a, b) => compareText(a.subsystem, b.subsystem) || compareText(a.section, b.section)),
      keys: this.#keys
        .map((use) => ({ use, order: JSON.stringify(inOrder(use)) }))
        .toSorted((a, b) => compareText(a.order, b.order))
        .map(({ use }) => inOrder(use)),
      exports: [...this.#exports].toSorted(compareText),
    };
  }

  #addSubsystem({ subsystem, modules, functions, keyed, losing }: SubsystemCount): void {
    const sum = this.#subsystems.get(subsystem);
    if (sum === undefined) {
      this.#subsystems.set(subsystem, { subsystem, modules, functions, keyed, losing });
      return;
    }
    sum.modules += modules;
    sum.functions += functions;
    sum.keyed += keyed;
    sum.losing += losing;
  }

  #addSection({ subsystem, section, functions, entries, outside }: FunctionSectionCount): void {
    let sections = this.#sections.get(subsystem);
    if (sections === undefined) this.#sections.set(subsystem, (sections = new Map()));
    const sum = sections.get(section);
    if (sum === undefined) {
      sections.set(section, { subsystem, section, functions, entries, outside });
      return;
    }
    sum.functions += functions;
    sum.entries += entries;
    sum.outside += outside;
  }
}

/** Tracepoints and pr_debug() of the module itself decide nothing by their names, and there are tens of thousands. */
function withoutTracing({ table, key, kind, external }: KeyUse): KeyUse {
  return { table, key: !external && isLeftOut(kind) ? '' : key, kind, external };
}

/** Members in one order, wherever the row comes from. */
function inOrder({ module, table, key, kind, external, functions }: KeyUseCount): KeyUseCount {
  return { module, table, key, kind, external, functions };
}
