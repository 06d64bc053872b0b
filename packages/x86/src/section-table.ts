import { appliesTo, layoutFor, PlacedTable, type ModuleImage } from '@kelp/core';
import { specialSections } from './special-sections.ts';

/** The entries of a module's special section, in the layout of its kernel; undefined where it has none. */
export function sectionTable(image: ModuleImage, name: string): PlacedTable | undefined {
  const section = image.section(name);
  const row = specialSections.find((one) => one.name === name && appliesTo(one.applies, image.kernel));
  const layout = row === undefined ? undefined : layoutFor(row, image.kernel);
  return section === undefined || layout === undefined ? undefined : new PlacedTable(image, section, layout);
}
