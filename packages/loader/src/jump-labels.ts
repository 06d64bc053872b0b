import { readContainer, type Architecture, type JumpLabelSite, type PlacedTable } from '@kelp/core';
import type { LoadedImage } from './image.ts';
import { placedTable } from './sorted-tables.ts';

/** Bit 0 of a key: the site jumps while the key is off. Bit 1: the site lies in memory that is freed after init. */
const [branchFlag, initFlag] = [1, 2];

/**
 * jump_label_add_module(): sort the entries by key and code, mark those of init code, and write each site as the state
 * of its key wants it. All sites of a key agree; what the state is, the file tells for keys of the module only.
 */
export function consumeJumpLabels(image: LoadedImage, architecture: Architecture): void {
  const table = placedTable(image, architecture, '__jump_table');
  if (table === undefined) return;
  table.sort(image, ['key', 'code']);
  for (let entry = 0; entry < table.count; entry++) markInit(image, table, entry);
  table.commit(image, 'sorted-table');
  for (let entry = 0; entry < table.count; entry++) writeSite(image, architecture, siteOf(table, entry));
}

function markInit(image: LoadedImage, table: PlacedTable, entry: number): void {
  const init = image.isFreedAfterInit(table.pointer(entry, 'code'));
  const flags = table.flags(entry, 'key') & ~initFlag;
  table.setPointer(entry, 'key', table.pointer(entry, 'key'), init ? flags | initFlag : flags);
}

function siteOf(table: PlacedTable, entry: number): JumpLabelSite {
  return {
    code: table.pointer(entry, 'code'),
    target: table.pointer(entry, 'target'),
    key: table.pointer(entry, 'key'),
    branch: (table.flags(entry, 'key') & branchFlag) !== 0,
  };
}

function writeSite(image: LoadedImage, { jumpLabel }: Architecture, site: JumpLabelSite): void {
  if (jumpLabel === undefined || image.read(site.code, 1) === undefined) return;
  const bytesFor = (enabled: boolean): Uint8Array => jumpLabel.encode(image, site, enabled !== site.branch);
  const initially = initialState(image, site.key);
  const candidates = [
    { answer: 'enabled', bytes: bytesFor(true) },
    { answer: 'disabled', bytes: bytesFor(false) },
  ];
  const answer = image.ask({
    kind: 'jump-label',
    id: `0x${site.key.toString(16)}`,
    address: site.code,
    candidates: initially ? candidates : candidates.toReversed(),
  });
  const wanted = bytesFor(answer === 'enabled');
  const present = image.read(site.code, wanted.length);
  if (present?.every((byte, index) => byte === wanted[index]) !== true)
    image.write(site.code, wanted, 'jump-label');
}

/** struct static_key begins with its count; a key elsewhere is taken to be off, as most are. */
function initialState(image: LoadedImage, key: bigint): boolean {
  const count = image.read(key, 4);
  return count !== undefined && BigInt.asIntN(32, readContainer(count, 0, 4, image.byteOrder)) > 0n;
}
