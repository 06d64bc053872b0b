import {
  countFittingEntries,
  isPointer,
  layoutFor,
  type EntryField,
  type EntryLayout,
  type Kernel,
  type SpecialSection,
} from '@kelp/core';

/**
 * The layout by which {@link countFittingEntries} counts the entries of a section: the kernel's own where it fits.
 *
 * @param relocations - number of relocations in the section; undefined for linked files.
 */
export function fittingLayout(
  row: SpecialSection,
  kernel: Kernel | undefined,
  size: number,
  relocations: number | undefined,
): EntryLayout | undefined {
  const own = kernel === undefined ? undefined : layoutFor(row, kernel);
  const candidates = own === undefined ? row.layouts : [own, ...row.layouts];
  return candidates.find(
    (layout) => countFittingEntries({ ...row, layouts: [layout] }, kernel, size, relocations) !== undefined,
  );
}

/** A pointer field of an entry. */
export interface PointerField {
  readonly name: string;
  readonly field: EntryField;
}

/** The pointer fields of a layout by their offset in the entry. */
export function pointerFields(layout: EntryLayout): ReadonlyMap<number, PointerField> {
  return new Map(
    Object.entries(layout.fields)
      .filter(([, field]) => isPointer(field))
      .map(([name, field]) => [field.offset, { name, field }]),
  );
}
