import type { Architecture, Capability, RelocationType, SpecialSection } from '@kelp/core';

export type FeatureKind = 'relocation' | 'section' | 'capability';

/** A thing that can be supported: a relocation type, a special section or a capability of the kernel. */
export interface Feature {
  /** `relocation/R_X86_64_PC32`, `section/.altinstructions`, `capability/livepatch`. */
  readonly id: `${FeatureKind}/${string}`;
  readonly kind: FeatureKind;
  /** For people. */
  readonly title: string;
  /** The rows that define it: one relocation type, all rows of a section name, one capability. */
  readonly rows: readonly (Capability | RelocationType | SpecialSection)[];
}

/** All features of an architecture: capabilities, sections, relocation types, each in the order of its table. */
export function featuresOf(architecture: Architecture): readonly Feature[] {
  const capabilities = architecture.support.capabilities.map((row): Feature => ({
    id: `capability/${row.name}`,
    kind: 'capability',
    title: row.title,
    rows: [row],
  }));
  const names = [...new Set(architecture.specialSections.map(({ name }) => name))];
  const sections = names.map((name): Feature => {
    const rows = architecture.specialSections.filter((row) => row.name === name);
    return { id: `section/${name}`, kind: 'section', title: name, rows };
  });
  const relocations = architecture.relocationTypes.map((row): Feature => ({
    id: `relocation/${row.name}`,
    kind: 'relocation',
    title: row.name,
    rows: [row],
  }));
  return [...capabilities, ...sections, ...relocations];
}
