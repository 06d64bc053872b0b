import { parseLivepatchSectionName } from '@kelp/core';
import { SHT_RELA, type ObjectFile, type RelocationTable, type Section } from '@kelp/core/elf';

/** A relocation section that livepatch applies instead of the module loader. */
export interface LivepatchRelocations {
  readonly section: Section;
  /** The object whose presence decides when they are applied; undefined where the kernel answers EINVAL. Untrusted. */
  readonly object: string | undefined;
  /** The name is too long for the kernel: no object will ever match, and nothing is applied. */
  readonly truncated: boolean;
  /** The section that is relocated, by sh_info; undefined where there is none. */
  readonly target: Section | undefined;
  readonly records: RelocationTable;
}

/**
 * The sections with SHF_RELA_LIVEPATCH in header order, the order in which the kernel applies them.
 *
 * @throws KelpError `elf/relocation-table`.
 */
export function livepatchRelocations(file: ObjectFile): readonly LivepatchRelocations[] {
  return file.sections.flatMap((section): readonly LivepatchRelocations[] => {
    if (section.type !== SHT_RELA || !section.isLivepatchRelocation) return [];
    const records = file.relocations(section);
    if (records === undefined) return [];
    const name = parseLivepatchSectionName(section.name);
    return [
      {
        section,
        object: name?.object,
        truncated: name?.truncated ?? false,
        target: section.info === 0 ? undefined : file.sections[section.info],
        records,
      },
    ];
  });
}
