import { parseKernel, type Kernel } from '@kelp/core';

/** A module may name any release; one that is no version tells nothing about the kernel. */
export function readableKernel(release: string): Kernel | undefined {
  try {
    return parseKernel(release);
  } catch {
    return undefined;
  }
}
