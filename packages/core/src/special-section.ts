import { countEntries, type EntrySource } from './entry.ts';
import { isPointer, type EntryLayout } from './entry-layout.ts';
import { appliesTo, type Applicability, type Kernel } from './kernel.ts';
import type { KernelSource } from './relocation-type.ts';

/**
 * When the kernel reads a section, in the order of load_module(); then what is never read while a module loads:
 * `run_time` by a running kernel, `boot` of the kernel image only, `build` by tools only, `never` by nobody.
 */
export type Phase =
  | 'early_checks'
  | 'layout'
  | 'find_module_sections'
  | 'relocate'
  | 'post_relocation'
  | 'ftrace'
  | 'complete_formation'
  | 'coming'
  | 'init'
  | 'run_time'
  | 'boot'
  | 'build'
  | 'never';

/**
 * What happens when a livepatch relocation against a module lands in the section, or in code that the section names:
 * `high` corrupts code or data or refuses a load, `data` keeps a wrong value, `low` needs another mistake, `none`.
 */
export interface Hazard {
  readonly level: 'high' | 'data' | 'low' | 'none';
  readonly reason: string;
}

/** One row of an architecture's table of special sections. */
export interface SpecialSection {
  /** Section name; a trailing `*` stands for any rest. */
  readonly name: string;
  /** Kernels in which modules carry the section; absent: all. */
  readonly applies?: readonly Applicability[];
  /** Configuration under which the kernel has it, in words: `MITIGATION_RETHUNK and OBJTOOL`. Absent: always. */
  readonly config?: string;
  /** Entry structures by kernel; empty: no entries of a fixed size. */
  readonly layouts: readonly EntryLayout[];
  /** The kernel code that reads it; absent: nothing in the kernel does. */
  readonly consumer?: KernelSource;
  readonly phase: Phase;
  /** Its consumer rewrites instructions. */
  readonly patchesCode?: true;
  /** Its consumer sorts the entries in place. */
  readonly sorted?: true;
  /** What the consumer does, in one or two sentences. */
  readonly effect: string;
  readonly hazard: Hazard;
}

/** A layout that was chosen for a section, and how. */
export interface FittedLayout {
  readonly layout: EntryLayout;
  readonly count: number;
  /** The layout is another kernel's: the one of the given kernel does not fit the bytes. */
  readonly foreign: boolean;
}

/** Whether a name is matched by a row's name or pattern. */
export function matchesName(row: Pick<SpecialSection, 'name'>, name: string): boolean {
  return row.name.endsWith('*') ? name.startsWith(row.name.slice(0, -1)) : row.name === name;
}

/** The layout that a row gives for a kernel; undefined where it has none. */
export function layoutFor(row: SpecialSection, kernel: Kernel): EntryLayout | undefined {
  return row.layouts.find((layout) => appliesTo(layout.applies, kernel));
}

/**
 * Choose the layout that fits the bytes: the kernel's own if it does, else the first other one of the row that does.
 * Releases between those that were checked, and backports, do not always follow the version in vermagic.
 *
 * @returns undefined where no layout fits.
 */
export function fitLayout(
  row: SpecialSection,
  kernel: Kernel | undefined,
  source: EntrySource,
): FittedLayout | undefined {
  for (const layout of candidateLayouts(row, kernel)) {
    const count = countEntries(layout, source.bytes.length);
    if (count !== undefined && (source.linked === true || pointersFit(layout, count, source))) {
      return { layout, count, foreign: kernel !== undefined && layout !== layoutFor(row, kernel) };
    }
  }
  return undefined;
}

/**
 * Number of entries by sizes alone: the size must be a multiple of the entry, and the section must have at least one
 * relocation for each pointer field that is not optional and at most one for each pointer field. Much cheaper than
 * {@link fitLayout}, and enough to tell the layouts of one row apart in a whole module.
 *
 * @param kernel - undefined where the file does not tell; then the first layout that fits counts.
 * @param relocations - number of relocations in the section; undefined for linked files, which have none left.
 * @returns undefined where no layout fits.
 */
export function countFittingEntries(
  row: SpecialSection,
  kernel: Kernel | undefined,
  size: number,
  relocations: number | undefined,
): number | undefined {
  for (const layout of candidateLayouts(row, kernel)) {
    const count = countEntries(layout, size);
    if (count !== undefined && (relocations === undefined || relocationsFit(layout, count, relocations)))
      return count;
  }
  return undefined;
}

function candidateLayouts(row: SpecialSection, kernel: Kernel | undefined): readonly EntryLayout[] {
  const own = kernel === undefined ? undefined : layoutFor(row, kernel);
  return own === undefined ? row.layouts : [own, ...row.layouts.filter((layout) => layout !== own)];
}

function relocationsFit(layout: EntryLayout, count: number, relocations: number): boolean {
  const pointers = Object.values(layout.fields).filter(isPointer);
  const required = pointers.filter((field) => field.optional !== true);
  return relocations >= required.length * count && relocations <= pointers.length * count;
}

/** Every pointer field that is not optional has a relocation at its place, in every entry. */
function pointersFit(layout: EntryLayout, count: number, source: EntrySource): boolean {
  const required = Object.values(layout.fields).filter(
    (field) => isPointer(field) && field.optional !== true,
  );
  for (let entry = 0; entry < count; entry++) {
    const start = entry * layout.size;
    if (required.some((field) => source.relocationAt(start + field.offset) === undefined)) return false;
  }
  return true;
}
