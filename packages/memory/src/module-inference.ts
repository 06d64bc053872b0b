import type { KernelReader, KernelView } from './kernel-reader.ts';
import { moduleStart } from './module-layout.ts';
import type {
  AreaLayout,
  ModuleKallsymsLayout,
  ModuleLayout,
  SectionAttributesLayout,
} from './module-layout.ts';
import { readSections } from './module-structure.ts';

/** The section that is struct module itself: its address tells which member of an attribute holds addresses. */
const thisModule = '.gnu.linkonce.this_module';

/** Bytes of struct module that are looked at: more than it has on any of the architectures. */
const searchedSize = 2048;

/** Bytes of a section attribute that are looked at. */
const searchedAttribute = 256;

const pageSize = 4096n;

/** A struct module as far as it is known before its layout is. */
interface Candidate {
  readonly address: bigint;
  readonly view: KernelView;
}

/**
 * Find the layout of struct module without type information (CONFIG_DEBUG_INFO_BTF=n), from what holds for every
 * module:
 *
 * - `sect_attrs` points to an attribute group named "sections"; one of its attributes is named
 *   `.gnu.linkonce.this_module` and holds the address of the struct module;
 * - `kallsyms` points to `core_kallsyms` in the same struct, whose symbol table begins with an empty symbol;
 * - the memory areas are whole pages, and every section that was not freed lies in one.
 *
 * An offset counts only if it fits every module. Nothing marks the per-CPU block: see {@link inferPerCpu}.
 *
 * @returns undefined if the modules do not agree on a layout.
 */
export function inferLayout(reader: KernelReader, modules: readonly bigint[]): ModuleLayout | undefined {
  const candidates = modules.flatMap((address): Candidate[] => {
    const view = longestView(reader, address);
    // Only of a live module is everything there.
    return view === undefined || view.u32(moduleStart.state) !== 0 ? [] : [{ address, view }];
  });
  if (candidates.length === 0) return undefined;
  const sections = inferSections(reader, candidates);
  if (sections === undefined) return undefined;
  const areas = inferAreas(reader, sections, candidates);
  const { list, name } = moduleStart;
  const size = Math.min(...candidates.map(({ view }) => view.length));
  return {
    source: 'inferred',
    size,
    list,
    name,
    sections,
    areas,
    kallsyms: inferKallsyms(reader, candidates),
    perCpu: undefined,
    srcversion: undefined,
  };
}

/**
 * Find `percpu` and `percpu_size` of struct module by the sizes of the modules' per-CPU sections.
 *
 * @param sizes - bytes of `.data..percpu` by address of the struct module; 0 for a module without.
 * @returns their offsets, or undefined if none or several places fit.
 */
export function inferPerCpu(
  reader: KernelReader,
  sizes: ReadonlyMap<bigint, number>,
): { readonly base: number; readonly size: number } | undefined {
  const candidates = [...sizes].flatMap(([address, size]) => {
    const view = longestView(reader, address);
    return view === undefined ? [] : [{ view, size }];
  });
  if (!candidates.some(({ size }) => size > 0)) return undefined;
  const fits = offsetsUpTo(candidates).filter((base) => {
    return candidates.every(
      ({ view, size }) => view.u32(base + 8) === size && (view.u64(base) !== 0n) === size > 0,
    );
  });
  const [base, ...others] = fits;
  return base === undefined || others.length > 0 ? undefined : { base, size: base + 8 };
}

/** As much of the memory from an address as there is, up to what is looked at. */
function longestView(reader: KernelReader, address: bigint): KernelView | undefined {
  const whole = reader.tryView(address, searchedSize);
  const [first] = whole === undefined ? reader.memory.pieces(address, searchedSize) : [];
  return (
    whole ??
    (first === undefined || 'absent' in first ? undefined : reader.tryView(address, first.length & ~7))
  );
}

/** Offsets behind the name at which two words can be read from all. */
function offsetsUpTo(candidates: readonly { readonly view: KernelView }[]): number[] {
  const end = Math.min(...candidates.map(({ view }) => view.length)) - 16;
  const start = moduleStart.name + moduleStart.nameSize;
  return Array.from({ length: Math.max(0, (end - start) / 8) }, (_, index) => start + index * 8);
}

function inferSections(
  reader: KernelReader,
  candidates: readonly Candidate[],
): SectionAttributesLayout | undefined {
  for (const pointer of offsetsUpTo(candidates)) {
    const groups = candidates.map(({ view }) => view.u64(pointer));
    if (!groups.every((group) => isNamed(reader, group, 'sections'))) continue;
    for (let attributes = 8; attributes <= 64; attributes += 8) {
      const address = addressInAttribute(reader, candidates, { pointer, attributes, name: 0, address: 0 });
      if (address !== undefined) return { pointer, attributes, name: 0, address };
    }
  }
  return undefined;
}

/** Whether the first member behind a pointer points to a text. */
function isNamed(reader: KernelReader, group: bigint, name: string): boolean {
  const text = group === 0n ? undefined : reader.tryU64(group);
  return text !== undefined && reader.tryString(text, name.length + 1) === name;
}

/** The offset at which the attribute of `.gnu.linkonce.this_module` holds the address of its module, in all of them. */
function addressInAttribute(
  reader: KernelReader,
  candidates: readonly Candidate[],
  layout: SectionAttributesLayout,
): number | undefined {
  const places = candidates.map(({ address, view }) => {
    const attribute = findAttribute(reader, view.u64(layout.pointer) + BigInt(layout.attributes));
    return {
      address,
      view: attribute === undefined ? undefined : reader.tryView(attribute, searchedAttribute),
    };
  });
  for (let offset = 8; offset + 8 <= searchedAttribute; offset += 8) {
    if (places.every(({ address, view }) => view?.u64(offset) === address)) return offset;
  }
  return undefined;
}

function findAttribute(reader: KernelReader, place: bigint): bigint | undefined {
  const list = reader.tryU64(place);
  if (list === undefined || list === 0n) return undefined;
  for (let index = 0n; index < 4096n; index++) {
    const attribute = reader.tryU64(list + index * 8n);
    if (attribute === undefined || attribute === 0n) return undefined;
    if (isNamed(reader, attribute, thisModule)) return attribute;
  }
  return undefined;
}

function inferKallsyms(
  reader: KernelReader,
  candidates: readonly Candidate[],
): ModuleKallsymsLayout | undefined {
  const pointer = offsetsUpTo(candidates).find((offset) => {
    return candidates.every(({ address, view }) => {
      const inside = view.u64(offset) - address;
      return (
        inside > 0n && inside + 32n <= BigInt(view.length) && isSymbolTable(reader, view, Number(inside))
      );
    });
  });
  return pointer === undefined ? undefined : { pointer, symbols: 0, count: 8, strings: 16, types: 24 };
}

/** Whether a struct mod_kallsyms is at an offset: its first symbol is the empty one of every ELF symbol table. */
function isSymbolTable(reader: KernelReader, view: KernelView, offset: number): boolean {
  const count = view.u32(offset + 8);
  const symbol = reader.tryView(view.u64(offset), 24);
  const isEmpty = symbol !== undefined && symbol.bytes.every((byte) => byte === 0);
  return count > 0 && isEmpty && reader.tryString(view.u64(offset + 16), 1) === '';
}

/** Kept with the init sections: the kernel copies what it needs of them. */
const freedTables: ReadonlySet<string> = new Set(['.symtab', '.strtab']);

/** Offsets of the size from the base in what kernels call module_layout (up to 6.3) and module_memory. */
const sizeOffsets = [8, 12, 20];

/**
 * The memory areas: pairs of a page-aligned address and a size in whole pages (or both 0 where a module has none) that
 * hold sections, for all modules. Empty if they do not hold all sections that still have memory.
 */
function inferAreas(
  reader: KernelReader,
  layout: SectionAttributesLayout,
  candidates: readonly Candidate[],
): AreaLayout[] {
  const modules = candidates.map(({ address, view }) => ({
    view,
    sections: readSections(reader, layout, address)
      .filter(({ name }) => !name.startsWith('.init') && !freedTables.has(name))
      .map((section) => section.address),
  }));
  const lastOffset = Math.min(...candidates.map(({ view }) => view.length)) - 24;
  for (const distance of sizeOffsets) {
    const places = offsetsUpTo(candidates).filter((base) => {
      if (base > lastOffset) return false;
      const areas = modules.map(({ view, sections }) => ({ ...areaAt(view, base, distance), sections }));
      const isPossible = areas.every(
        (area) => isEmptyArea(area) || (isWholePages(area) && area.sections.some((one) => holds(area, one))),
      );
      return isPossible && areas.some((area) => !isEmptyArea(area));
    });
    const isComplete = modules.every(({ view, sections }) => {
      return sections.every((section) => places.some((base) => holds(areaAt(view, base, distance), section)));
    });
    if (places.length > 0 && isComplete) {
      return places.map((base, index) => ({ name: `area ${index}`, base, size: base + distance }));
    }
  }
  return [];
}

interface Area {
  readonly start: bigint;
  readonly size: bigint;
}

function areaAt(view: KernelView, base: number, distance: number): Area {
  return { start: view.u64(base), size: BigInt(view.u32(base + distance)) };
}

function isEmptyArea({ start, size }: Area): boolean {
  return start === 0n && size === 0n;
}

function isWholePages({ start, size }: Area): boolean {
  return start % pageSize === 0n && size % pageSize === 0n && size > 0n;
}

function holds({ start, size }: Area, address: bigint): boolean {
  return start <= address && address < start + size;
}
