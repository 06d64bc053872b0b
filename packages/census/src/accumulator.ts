import type { Counts, FailedFile, RelocationCount, SectionCount, SectionRelocationCount } from './census.ts';
import { compareText } from './compare-text.ts';
import type { ModuleInventory, SectionUse } from './inventory.ts';

interface RelocationSum {
  name: string;
  count: number;
  modules: number;
}

interface SectionSum {
  modules: number;
  bytes: number;
  entries: number | null;
  special: boolean;
  known: boolean;
}

/** Counts under construction. Names from files are keys of maps only. */
export class Accumulator {
  #modules = 0;
  #images = 0;
  readonly #failed: FailedFile[] = [];
  readonly #relocations = new Map<number, RelocationSum>();
  readonly #sections = new Map<string, SectionSum>();
  readonly #bySection = new Map<string, Map<number, number>>();

  addFailure(failure: FailedFile): void {
    this.#failed.push(failure);
  }

  addInventory(inventory: ModuleInventory): void {
    this.#modules++;
    if (inventory.image) this.#images++;
    const sections = new Set<string>();
    for (const use of inventory.sections) {
      this.#addSection(use, sections.has(use.name) ? 0 : 1);
      sections.add(use.name);
    }
    const types = new Set<number>();
    for (const { section, type, count } of inventory.relocations) {
      const name = inventory.architecture.relocationType(type)?.name ?? `unknown(${type})`;
      this.#addRelocation(type, name, count, types.has(type) ? 0 : 1);
      this.#addBySection(section, type, count);
      types.add(type);
    }
  }

  addCounts(counts: Counts): void {
    this.#modules += counts.modules;
    this.#images += counts.images;
    for (const failure of counts.failed) this.addFailure(failure);
    for (const section of counts.sections) this.#addSection(section, section.modules);
    for (const { type, name, count, modules } of counts.relocations)
      this.#addRelocation(type, name, count, modules);
    for (const { section, type, count } of counts.relocationsBySection)
      this.#addBySection(section, type, count);
  }

  /** The sums in their canonical order. */
  counts(): Counts {
    return {
      modules: this.#modules,
      images: this.#images,
      failed: this.#failed.toSorted(compareFailures),
      relocations: this.#relocationCounts(),
      sections: this.#sectionCounts(),
      relocationsBySection: this.#bySectionCounts(),
    };
  }

  #addSection({ name, bytes, entries, special, known }: SectionUse, modules: number): void {
    const sum = this.#sections.get(name);
    if (sum === undefined) {
      this.#sections.set(name, { modules, bytes, entries, special, known });
      return;
    }
    sum.modules += modules;
    sum.bytes = add(sum.bytes, bytes);
    if (entries !== null) sum.entries = add(sum.entries ?? 0, entries);
    sum.special ||= special;
    sum.known &&= known;
  }

  #addRelocation(type: number, name: string, count: number, modules: number): void {
    const sum = this.#relocations.get(type);
    if (sum === undefined) {
      this.#relocations.set(type, { name, count, modules });
      return;
    }
    sum.name = preferredName(sum.name, name);
    sum.count += count;
    sum.modules += modules;
  }

  #addBySection(section: string, type: number, count: number): void {
    let types = this.#bySection.get(section);
    if (types === undefined) this.#bySection.set(section, (types = new Map()));
    types.set(type, (types.get(type) ?? 0) + count);
  }

  #relocationCounts(): readonly RelocationCount[] {
    return [...this.#relocations]
      .map(([type, { name, count, modules }]) => ({ type, name, count, modules }))
      .toSorted((a, b) => a.type - b.type);
  }

  #sectionCounts(): readonly SectionCount[] {
    return [...this.#sections]
      .map(([name, sum]) => ({ name, ...sum }))
      .toSorted((a, b) => compareText(a.name, b.name));
  }

  #bySectionCounts(): readonly SectionRelocationCount[] {
    return [...this.#bySection]
      .flatMap(([section, types]) => [...types].map(([type, count]) => ({ section, type, count })))
      .toSorted((a, b) => compareText(a.section, b.section) || a.type - b.type);
  }
}

/** A sum that stays exact: NOBITS sections may claim any size. */
function add(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

/** Censuses of different versions may differ in a name: the known one counts, then the first by text. */
function preferredName(a: string, b: string): string {
  const [knownA, knownB] = [a, b].map((name) => !name.startsWith('unknown('));
  if (knownA !== knownB) return knownA === true ? a : b;
  return compareText(a, b) < 0 ? a : b;
}

/** The canonical order of failures. */
export function compareFailures(a: FailedFile, b: FailedFile): number {
  return compareText(a.file, b.file) || compareText(a.code, b.code) || compareText(a.message, b.message);
}
