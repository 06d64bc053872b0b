import { STT_FUNC, STT_SECTION, type ObjectFile } from '@kelp/core/elf';
import type { PointerTarget } from './data-pointers.ts';

/**
 * Names of places in code: the symbol that stands exactly there, functions first, else section and offset.
 *
 * @throws KelpError `elf/symbol-table`.
 */
export function functionNames(file: ObjectFile): (target: PointerTarget) => string {
  const names = new Map<string, string>();
  const symbols = file.symbols();
  for (let index = 1; index < (symbols?.count ?? 0); index++) {
    const section = symbols?.sectionIndex(index);
    if (symbols === undefined || section === undefined || symbols.type(index) === STT_SECTION) continue;
    const key = `${section}+${symbols.value(index)}`;
    if (!names.has(key) || symbols.type(index) === STT_FUNC) names.set(key, symbols.name(index));
  }
  return ({ section, offset }) =>
    names.get(`${section.index}+${offset}`) ?? `${section.name}+0x${offset.toString(16)}`;
}
