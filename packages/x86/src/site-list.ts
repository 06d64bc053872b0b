import type { ModuleImage } from '@kelp/core';

/** The places that a list of 32-bit pc-relative references names, such as `.return_sites`; empty without the section. */
export function siteAddresses(image: ModuleImage, name: string): readonly bigint[] {
  const section = image.section(name);
  const bytes = section === undefined ? undefined : image.read(section.address, section.size);
  if (section === undefined || bytes === undefined) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sites: bigint[] = [];
  for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
    sites.push(BigInt.asUintN(64, section.address + BigInt(offset) + BigInt(view.getInt32(offset, true))));
  }
  return sites;
}
