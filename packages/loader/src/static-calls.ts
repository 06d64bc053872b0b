import { readContainer, type Architecture, type PlacedTable, type StaticCallSite } from '@kelp/core';
import type { LoadedImage } from './image.ts';
import { placedTable } from './sorted-tables.ts';

/** Bit 0 of a key: the site is a tail call. Bit 1: the site lies in memory that is freed after init. */
const [tailFlag, initFlag] = [1, 2];

/**
 * static_call_add_module(): keys that are not exported are found through their trampoline, the sites are sorted by
 * key, and each is written for the function of its key. Most keys lie in the kernel's data, so the function is asked.
 */
export function consumeStaticCalls(image: LoadedImage, architecture: Architecture): void {
  const table = placedTable(image, architecture, '.static_call_sites');
  if (table === undefined || architecture.staticCall === undefined) return;
  for (let entry = 0; entry < table.count; entry++) replaceTrampoline(image, table, entry);
  table.sort(image, ['key']);
  for (let entry = 0; entry < table.count; entry++) markInit(image, table, entry);
  table.commit(image, 'sorted-table');
  for (let entry = 0; entry < table.count; entry++) writeSite(image, architecture, siteOf(table, entry));
}

/** tramp_key_lookup(): a key that is kernel text is the trampoline __SCT__name of the key __SCK__name. */
function replaceTrampoline(image: LoadedImage, table: PlacedTable, entry: number): void {
  const name = image.functionAt(table.pointer(entry, 'key'));
  if (name?.startsWith('__SCT__') !== true) return;
  const key = image.externalSymbol(name.replace('__SCT__', '__SCK__'));
  if (key !== undefined) table.setPointer(entry, 'key', key, table.flags(entry, 'key'));
}

function markInit(image: LoadedImage, table: PlacedTable, entry: number): void {
  if (image.isFreedAfterInit(table.pointer(entry, 'addr')))
    table.setPointer(entry, 'key', table.pointer(entry, 'key'), table.flags(entry, 'key') | initFlag);
}

function siteOf(table: PlacedTable, entry: number): StaticCallSite {
  return {
    address: table.pointer(entry, 'addr'),
    key: table.pointer(entry, 'key'),
    tail: (table.flags(entry, 'key') & tailFlag) !== 0,
  };
}

function writeSite(image: LoadedImage, { staticCall }: Architecture, site: StaticCallSite): void {
  if (staticCall === undefined || image.read(site.address, 1) === undefined) return;
  const initially = initialTarget(image, site.key);
  const present = image.read(site.address, 5) ?? new Uint8Array();
  const answer = image.ask({
    kind: 'static-call',
    id: `0x${site.key.toString(16)}`,
    address: site.address,
    candidates:
      initially === undefined
        ? [{ answer: 'as in the file', bytes: present }]
        : [{ answer: `0x${initially.toString(16)}`, bytes: staticCall.encode(image, site, initially) }],
    derive: (bytes) => {
      const target = staticCall.decode(image, site, bytes);
      return target === undefined ? undefined : `0x${target.toString(16)}`;
    },
  });
  if (!answer.startsWith('0x')) return;
  const wanted = staticCall.encode(image, site, BigInt(answer));
  const old = image.read(site.address, wanted.length);
  if (old?.every((byte, index) => byte === wanted[index]) !== true)
    image.write(site.address, wanted, 'static-call');
}

/** Keys of tracepoints, and the function that each is defined with: DEFINE_TRACE_FN() in include/linux/tracepoint.h. */
const [tracepointKey, tracepointFunction] = ['__SCK__tp_func_', '__traceiter_'];

/** struct static_call_key begins with its function. Of keys outside the module those of tracepoints tell theirs. */
function initialTarget(image: LoadedImage, key: bigint): bigint | undefined {
  const pointer = image.read(key, 8);
  if (pointer !== undefined) return readContainer(pointer, 0, 8, image.byteOrder);
  const name = image.functionAt(key);
  if (name?.startsWith(tracepointKey) !== true) return undefined;
  return image.externalSymbol(name.replace(tracepointKey, tracepointFunction));
}
