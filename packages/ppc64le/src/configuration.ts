import { hasOption, type Kernel } from '@kelp/core';

/**
 * Whether an option is on that every kernel with livepatching of this architecture has, unless its configuration says
 * otherwise.
 */
export function isUsuallyOn(kernel: Kernel, option: string): boolean {
  return kernel.configuration === undefined || hasOption(kernel, option);
}

/** Modules address everything relative to the instruction and have no TOC. Off unless the configuration is known. */
export function isPcRelative(kernel: Kernel): boolean {
  return hasOption(kernel, 'PPC_KERNEL_PCREL');
}
