import type { ModuleImage } from '@kelp/core';

/** Whether an address lies in code of the module that stays after init. */
export function isInText({ sections, object }: ModuleImage, address: bigint): boolean {
  return sections.some(
    (section) =>
      !section.init &&
      address >= section.address &&
      address < section.address + BigInt(section.size) &&
      object.sections[section.index]?.isExecutable === true,
  );
}
