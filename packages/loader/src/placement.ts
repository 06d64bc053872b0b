import { KelpError, type Finding } from '@kelp/core';
import type { Area } from './layout.ts';

/** Where the areas of a module are. */
export interface Placement {
  /** One address for each area, in order. */
  readonly addresses: readonly bigint[];
  /** Known section addresses that contradict the layout. */
  readonly findings: readonly Finding[];
}

/**
 * Find the address of each area: given, or from the known address of a section in it. An area without anything that
 * is known has address 0: nothing of it is there any more, such as init sections.
 *
 * @throws KelpError `load/no-address` if no area has an address.
 */
export function placeAreas(
  areas: readonly Area[],
  known: { readonly areas?: ReadonlyMap<string, bigint>; readonly sections?: ReadonlyMap<string, bigint> },
): Placement {
  const findings: Finding[] = [];
  const addresses = areas.map(
    (area) => known.areas?.get(area.name) ?? addressFromSections(area, known.sections, findings),
  );
  if (addresses.every((address) => address === undefined)) {
    throw new KelpError('load/no-address', 'no address of any area or section of the module is known');
  }
  return { addresses: addresses.map((address) => address ?? 0n), findings };
}

function addressFromSections(
  area: Area,
  known: ReadonlyMap<string, bigint> | undefined,
  findings: Finding[],
): bigint | undefined {
  let base: bigint | undefined;
  for (const { section, offset, size } of area.placements) {
    const address = size === 0 ? undefined : known?.get(section.name);
    if (address === undefined) continue;
    base ??= address - BigInt(offset);
    if (address !== base + BigInt(offset)) {
      findings.push({
        code: 'load/layout',
        severity: 'error',
        place: { section: section.name, offset: 0 },
        message: `the section stands at 0x${address.toString(16)}, the layout puts it at 0x${(base + BigInt(offset)).toString(16)}`,
      });
    }
  }
  return base;
}

/**
 * Addresses for areas that nobody has placed: one after the other, each at a page boundary.
 *
 * @param base - address of the first area.
 * @returns addresses by area name.
 */
export function placeConsecutively(
  areas: readonly Area[],
  base: bigint,
  pageSize: number,
): ReadonlyMap<string, bigint> {
  const page = BigInt(pageSize);
  const addresses = new Map<string, bigint>();
  let next = ((base + page - 1n) / page) * page;
  for (const { name, size } of areas) {
    addresses.set(name, next);
    next += ((BigInt(size) + page - 1n) / page) * page;
  }
  return addresses;
}
