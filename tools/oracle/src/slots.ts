import type { LoadedImage } from '@kelp/loader';

/**
 * Entries of the tables that a loader builds beside a module, found by what they hold: address of the target, and the
 * entries that lead there.
 */
export type Slots = ReadonlyMap<bigint, readonly bigint[]>;

/** A range of memory that the loader fills by itself: PLT, GOT or stubs. */
export interface LoaderTable {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

function collect(found: Iterable<readonly [target: bigint, slot: bigint]>): Slots {
  const slots = new Map<bigint, bigint[]>();
  for (const [target, slot] of found) {
    const known = slots.get(target);
    if (known === undefined) slots.set(target, [slot]);
    else known.push(slot);
  }
  return slots;
}

function view({ bytes }: LoaderTable): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sections of these names as they stand in memory. */
export function sectionTables(image: LoadedImage, names: readonly string[]): readonly LoaderTable[] {
  return image.sections
    .filter(({ name, size }) => names.includes(name) && size > 0)
    .map(({ address, size }) => ({ address, bytes: image.read(address, size) ?? new Uint8Array() }));
}

/** What lies before the first section of the area with the text. */
export function textPrefix(image: LoadedImage): readonly LoaderTable[] {
  const text = image.areas.find(({ area }) => area.name === 'text' || area.name === 'core');
  if (text === undefined) return [];
  const first = Math.min(...text.area.placements.map(({ offset }) => offset), text.bytes.length);
  return [{ address: text.address, bytes: text.bytes.subarray(0, first) }];
}

/** arm64: ADRP x16, ADD x16, BR x16 (get_plt_entry() in arch/arm64/kernel/module-plts.c). */
export function arm64Entries(tables: readonly LoaderTable[]): Slots {
  return collect(tables.flatMap((table) => [...arm64Table(table)]));
}

function* arm64Table(table: LoaderTable): Generator<readonly [bigint, bigint]> {
  const data = view(table);
  for (let at = 0; at + 12 <= data.byteLength; at += 12) {
    const [adrp, add, branch] = [0, 4, 8].map((offset) => data.getUint32(at + offset, true));
    if (adrp === undefined || add === undefined || branch !== 0xd61f_0200) continue;
    if ((adrp & 0x9f00_001f) >>> 0 !== 0x9000_0010 || (add & 0xffc0_03ff) >>> 0 !== 0x9100_0210) continue;
    const pages = BigInt.asIntN(21, BigInt((((adrp >>> 5) & 0x7_ffff) << 2) | ((adrp >>> 29) & 3)));
    const slot = table.address + BigInt(at);
    yield [BigInt.asUintN(64, (slot & ~0xfffn) + (pages << 12n) + BigInt((add >>> 10) & 0xfff)), slot];
  }
}

/** ppc64le: "stub" behind the code, and the target (struct ppc64_stub_entry of arch/powerpc/kernel/module_64.c). */
export function ppc64leStubs(tables: readonly LoaderTable[]): Slots {
  const size = 40;
  return collect(
    tables.flatMap((table) => {
      const data = view(table);
      const places = Array.from({ length: Math.floor(data.byteLength / size) }, (_, index) => index * size);
      return places
        .filter((at) => data.getUint32(at + 28, true) === 0x7374_7562)
        .map((at) => [data.getBigUint64(at + 32, true), table.address + BigInt(at)] as const);
    }),
  );
}

/** basr %r1,0; lg %r1,12(%r1): the first 8 of the 22 bytes of a PLT entry of s390x; the last 8 are the target. */
const s390xEntry = 0x0d10_e310_100c_0004n;

/** s390x: PLT entries (apply_rela() in arch/s390/kernel/module.c). */
export function s390xEntries(tables: readonly LoaderTable[]): Slots {
  return collect(
    tables.flatMap((table) => {
      const data = view(table);
      const [found, first] = [[] as (readonly [bigint, bigint])[], s390xFirstEntry(data)];
      for (let at = first; at + 22 <= data.byteLength; at += 22) {
        if (data.getBigUint64(at) === s390xEntry)
          found.push([data.getBigUint64(at + 14), table.address + BigInt(at)]);
      }
      return found;
    }),
  );
}

/** s390x: slots of the GOT, which ends where the first PLT entry begins. */
export function s390xSlots(tables: readonly LoaderTable[]): Slots {
  return collect(
    tables.flatMap((table) => {
      const data = view(table);
      const end = s390xFirstEntry(data);
      return Array.from({ length: Math.floor(end / 8) }, (_, index) => index * 8).map(
        (at) => [data.getBigUint64(at), table.address + BigInt(at)] as const,
      );
    }),
  );
}

/** The GOT has slots of 8 bytes; an entry that no relocation reached is zero, so the first may be a later one. */
function s390xFirstEntry(data: DataView): number {
  for (let at = 0; at + 22 <= data.byteLength; at += 2) {
    if (data.getBigUint64(at) === s390xEntry) return at;
  }
  return data.byteLength;
}
