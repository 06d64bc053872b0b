import { layoutFor, PlacedTable, type Architecture, type EntryLayout } from '@kelp/core';
import type { LoadedImage } from './image.ts';

/**
 * ftrace_process_locs(): sort the addresses of call sites, and write each as a kernel that does not trace wants it.
 * Entries of 0 are skipped.
 */
export function consumeFtraceSites(
  image: LoadedImage,
  architecture: Architecture,
  sections: readonly string[],
): void {
  for (const name of sections) {
    const section = image.section(name);
    const row = architecture.specialSection(name, image.kernel);
    const layout = row === undefined ? undefined : layoutFor(row, image.kernel);
    if (section === undefined || layout === undefined) continue;
    consumeTable(image, architecture, new PlacedTable(image, section, layout), pointerName(layout));
  }
}

function pointerName(layout: EntryLayout): string {
  return Object.keys(layout.fields)[0] ?? '';
}

function consumeTable(
  image: LoadedImage,
  { ftraceSite }: Architecture,
  table: PlacedTable,
  field: string,
): void {
  table.sort(image, [field]);
  table.commit(image, 'sorted-table');
  if (ftraceSite === undefined) return;
  let position = 0;
  for (let entry = 0; entry < table.count; entry++) {
    const address = table.pointer(entry, field);
    if (address === 0n) continue;
    for (const site of ftraceSite.encode(image, address, position)) {
      if (image.read(site.address, 1) === undefined) continue;
      image.write(site.address, site.bytes, site.cause ?? ftraceSite.cause ?? 'ftrace');
    }
    position++;
  }
}
