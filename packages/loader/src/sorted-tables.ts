import { layoutFor, PlacedTable, type Architecture } from '@kelp/core';
import type { LoadedImage } from './image.ts';

/** A section's entries in the layout of the image's kernel; undefined where the module has no such table. */
export function placedTable(
  image: LoadedImage,
  architecture: Architecture,
  name: string,
): PlacedTable | undefined {
  const section = image.section(name);
  const row = architecture.specialSection(name, image.kernel);
  const layout = row === undefined ? undefined : layoutFor(row, image.kernel);
  return section === undefined || layout === undefined ? undefined : new PlacedTable(image, section, layout);
}

/** sort_extable(): by the address of the instruction that may fault. */
export function sortExceptionTable(image: LoadedImage, architecture: Architecture): void {
  const table = placedTable(image, architecture, '__ex_table');
  if (table === undefined) return;
  table.sort(image, ['insn']);
  table.commit(image, 'sorted-table');
}
