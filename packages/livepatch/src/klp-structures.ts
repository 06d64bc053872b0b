import { readContainer, vmlinuxObject } from '@kelp/core';
import { SHT_NOBITS, STT_OBJECT, type ObjectFile, type Section } from '@kelp/core/elf';
import { DataPointers } from './data-pointers.ts';
import { functionNames } from './function-names.ts';
import type { LivepatchFunction, LivepatchObject } from './livepatch-object.ts';

// struct klp_patch, klp_object and klp_func of include/linux/livepatch.h. Their sizes depend on kernel and
// configuration, but not the members at their start: klp_patch has mod and objs, klp_object name and funcs, klp_func
// old_name, new_func and old_sympos. So the relocations of these members tell where the structures are and how large.

const pointerSize = 8;
const positionOffset = 2 * pointerSize;

/** Where an array starts, and the first byte that cannot be part of it. */
interface Extent {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
}

/**
 * The klp_objects of every klp_patch in the data of a module, in the order of their arrays.
 *
 * @returns empty where no klp_patch stands in the file: the module makes it at run time, or is no livepatch.
 * @throws KelpError `elf/symbol-table`, `elf/relocation-table`.
 */
export function klpObjects(file: ObjectFile): readonly LivepatchObject[] {
  return new StructureFinder(file).objects();
}

class StructureFinder {
  readonly #file: ObjectFile;
  readonly #pointers: DataPointers;
  readonly #nameOf: ReturnType<typeof functionNames>;
  /** Starts of klp_func arrays by section, ascending. */
  readonly #functionArrays: ReadonlyMap<number, readonly number[]>;
  /** Ends of the objects that symbols name, by section and start. */
  readonly #symbolEnds: ReadonlyMap<string, number>;

  constructor(file: ObjectFile) {
    this.#file = file;
    this.#pointers = new DataPointers(file);
    this.#nameOf = functionNames(file);
    this.#symbolEnds = symbolEnds(file);
    this.#functionArrays = this.#findFunctionArrays();
  }

  objects(): readonly LivepatchObject[] {
    return this.#data().flatMap((section) =>
      this.#pointers
        .offsets(section)
        .filter((offset) => this.#isPatch(section, offset))
        .flatMap((offset) => {
          const objects = this.#pointers.at(section, offset + pointerSize);
          return objects === undefined ? [] : this.#objectArray(objects.section, objects.offset);
        }),
    );
  }

  #data(): readonly Section[] {
    return this.#file.sections.filter(
      ({ index, isAllocated, isExecutable, type }) =>
        index !== 0 && isAllocated && !isExecutable && type !== SHT_NOBITS,
    );
  }

  /** Every place that a pointer leads to and that starts with the name of a function and a pointer to code. */
  #findFunctionArrays(): ReadonlyMap<number, readonly number[]> {
    const starts = new Map<number, Set<number>>();
    for (const section of this.#data()) {
      for (const offset of this.#pointers.offsets(section)) {
        const target = this.#pointers.at(section, offset);
        if (target === undefined || !this.#isFunction(target.section, target.offset)) continue;
        const known = starts.get(target.section.index);
        if (known === undefined) starts.set(target.section.index, new Set([target.offset]));
        else known.add(target.offset);
      }
    }
    return new Map([...starts].map(([index, offsets]) => [index, [...offsets].toSorted((a, b) => a - b)]));
  }

  #isFunction(section: Section, offset: number): boolean {
    return (
      !section.isExecutable &&
      this.#pointers.textAt(section, offset) !== undefined &&
      this.#pointers.leadsToCode(section, offset + pointerSize)
    );
  }

  /** A pointer to __this_module, and one to something that can be a klp_object. */
  #isPatch(section: Section, offset: number): boolean {
    const module = this.#pointers.at(section, offset);
    if (module?.section.name !== '.gnu.linkonce.this_module' || module.offset !== 0) return false;
    const objects = this.#pointers.at(section, offset + pointerSize);
    return objects !== undefined && this.#isObject(objects.section, objects.offset);
  }

  #isObject(section: Section, offset: number): boolean {
    if (section.isExecutable) return false;
    const functions = this.#pointers.at(section, offset + pointerSize);
    if (functions === undefined) return this.#pointers.textAt(section, offset) !== undefined;
    const starts = this.#functionArrays.get(functions.section.index);
    return starts?.includes(functions.offset) ?? false;
  }

  #objectArray(section: Section, start: number): readonly LivepatchObject[] {
    const extent = { section, start, end: this.#end(section, start) };
    const isNext = (offset: number): boolean =>
      this.#pointers.at(section, offset + pointerSize) !== undefined && this.#isObject(section, offset);
    const candidates = this.#pointers.offsets(section).map((offset) => offset - pointerSize);
    return entriesOf(extent, candidates, isNext, (offset) => this.#isObject(section, offset)).map(
      (offset) => {
        const name = this.#pointers.textAt(section, offset);
        const functions = this.#pointers.at(section, offset + pointerSize);
        return {
          name: name ?? vmlinuxObject,
          isModule: name !== undefined,
          functions: functions === undefined ? [] : this.#functions(functions.section, functions.offset),
          place: { section: section.name, offset },
        };
      },
    );
  }

  #functions(section: Section, start: number): readonly LivepatchFunction[] {
    const after = this.#functionArrays.get(section.index)?.find((offset) => offset > start);
    const end = Math.min(this.#end(section, start), after ?? section.size);
    const isNext = (offset: number): boolean => this.#isFunction(section, offset);
    const isEntry = (offset: number): boolean =>
      this.#pointers.textAt(section, offset) !== undefined ||
      this.#pointers.leadsToCode(section, offset + pointerSize);
    return entriesOf({ section, start, end }, this.#pointers.offsets(section), isNext, isEntry).map(
      (offset) => this.#function(section, offset),
    );
  }

  #function(section: Section, offset: number): LivepatchFunction {
    const code = this.#pointers.at(section, offset + pointerSize);
    const at = offset + positionOffset;
    const { bytes } = section;
    return {
      oldName: this.#pointers.textAt(section, offset),
      newFunction: code === undefined ? undefined : this.#nameOf(code),
      position:
        at + pointerSize <= bytes.length ? readContainer(bytes, at, pointerSize, this.#file.byteOrder) : 0n,
      place: { section: section.name, offset },
    };
  }

  #end(section: Section, start: number): number {
    return this.#symbolEnds.get(`${section.index}+${start}`) ?? section.size;
  }
}

/**
 * Offsets of the entries of an array that ends in an empty one. The distance to the next entry that is complete is the
 * size of an entry; what follows at that distance is part of the array as long as it is not empty.
 */
function entriesOf(
  { start, end }: Extent,
  candidates: readonly number[],
  isComplete: (offset: number) => boolean,
  isEntry: (offset: number) => boolean,
): readonly number[] {
  const second = candidates.find((offset) => offset > start && offset < end && isComplete(offset));
  if (second === undefined) return [start];
  const stride = second - start;
  const offsets: number[] = [start];
  for (let offset = second; offset < end && isEntry(offset); offset += stride) offsets.push(offset);
  return offsets;
}

function symbolEnds(file: ObjectFile): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  const symbols = file.symbols();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    const section = symbols?.sectionIndex(index);
    if (symbols === undefined || section === undefined || symbols.type(index) !== STT_OBJECT) continue;
    const [value, size] = [symbols.value(index), symbols.size(index)];
    if (size > 0n) ends.set(`${section}+${value}`, Number(value + size));
  }
  return ends;
}
