import type { ModuleImage, PlacedSection } from '@kelp/core';

/** find_section() of asm/module.h: the first section of a name, where other code of the kernel takes the last. */
export function firstSection(image: ModuleImage, name: string): PlacedSection | undefined {
  return image.sections.find((section) => section.name === name);
}
