import {
  layoutFor,
  PlacedTable,
  type Architecture,
  type EntryLayout,
  type ReadBytes,
  type TracedSite,
} from '@kelp/core';
import type { LoadedImage } from './image.ts';

/**
 * ftrace_process_locs(): sort the addresses of call sites, and write each as a kernel that does not trace wants it, or as
 * the one that traces the function has it by now. Entries of 0 are skipped.
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
    const traced = ftraceSite.traced?.(image, address, position);
    if (traced !== undefined && image.read(traced.address, 1) !== undefined)
      traceSite(image, address, traced);
    position++;
  }
}

const untraced = 'nobody';

/** ftrace_make_call(): each function is traced or not, whatever others are, and memory tells by whom. */
function traceSite(image: LoadedImage, entry: bigint, site: TracedSite): void {
  const tracer = image.ask({
    kind: 'ftrace',
    id: `0x${entry.toString(16)}`,
    address: site.address,
    candidates: [{ answer: untraced, bytes: site.untraced }],
    derive: (bytes, read) => tracerOf(site, bytes, read),
  });
  if (tracer === untraced) return;
  const call = site.calls().find((one) => one.tracer === tracer) ?? site.callOf?.(tracer);
  if (call === undefined) return;
  image.write(site.address, call.bytes, 'ftrace-enabled');
  for (const { address, bytes, cause } of call.others?.() ?? [])
    image.write(address, bytes, cause ?? 'ftrace-enabled');
}

/**
 * Who is called by the bytes of a site. Where one byte is not as the kernel writes it, the only call that is like the rest
 * counts. Untraced sites need no answer.
 */
function tracerOf(site: TracedSite, bytes: Uint8Array, read: ReadBytes): string | undefined {
  if (isLike(bytes, site.untraced, 0)) return undefined;
  const calls = site.calls();
  const exact = calls.find((call) => isLike(bytes, call.bytes, 0)) ?? site.unlisted?.(bytes, read);
  if (exact !== undefined) return exact.isSound?.(read) === false ? undefined : exact.tracer;
  const [near, ...others] = calls.filter((call) => isLike(bytes, call.bytes, 1));
  return others.length === 0 && !isLike(bytes, site.untraced, 1) ? near?.tracer : undefined;
}

function isLike(bytes: Uint8Array, wanted: Uint8Array, mayDiffer: number): boolean {
  return wanted.reduce((sum, byte, index) => sum + Number(byte !== bytes[index]), 0) <= mayDiffer;
}
