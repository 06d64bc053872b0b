import type { EntrySource } from './entry.ts';
import { ET_REL, SHT_RELA } from './elf/constants.ts';
import type { ObjectFile } from './elf/object-file.ts';
import type { RelocationTable } from './elf/relocation-table.ts';
import type { Section } from './elf/section.ts';

/** The ordinary relocations of a section: the last SHT_RELA section that names it and that livepatch does not own. */
export function relocationsOf(object: ObjectFile, section: Section): RelocationTable | undefined {
  const holder = object.sections.findLast(
    ({ type, info, isLivepatchRelocation }) =>
      type === SHT_RELA && info === section.index && !isLivepatchRelocation,
  );
  return holder === undefined ? undefined : object.relocations(holder);
}

/**
 * The bytes and relocations of a special section, for decoding its entries.
 *
 * @throws KelpError `elf/relocation-table`, `elf/too-large`.
 */
export function entrySource(object: ObjectFile, section: Section): EntrySource {
  const relocations = relocationsOf(object, section);
  const byOffset = new Map<number, number>();
  for (let index = 0; index < (relocations?.count ?? 0); index++) {
    if (relocations !== undefined) byOffset.set(relocations.offset(index), index);
  }
  return {
    bytes: section.bytes,
    byteOrder: object.byteOrder,
    linked: object.type !== ET_REL,
    relocationAt: (offset) => {
      const index = byOffset.get(offset);
      if (index === undefined || relocations === undefined) return undefined;
      return { symbol: relocations.symbol(index), addend: relocations.addend(index) };
    },
  };
}
