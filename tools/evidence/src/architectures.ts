import { fileURLToPath } from 'node:url';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import type { Architecture } from '@kelp/core';

const root = new URL('../../../', import.meta.url);

/** A path in the repository. */
export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(path, root));
}

/** A plugin with the places of what belongs to it. Paths are relative to the root of the repository. */
export interface Plugin {
  readonly architecture: Architecture;
  readonly package: string;
  readonly fixtures: string;
}

/** The plugins of this repository. */
export const plugins: readonly Plugin[] = architectures.map((architecture) => ({
  architecture,
  package: `packages/${architecture.id}`,
  fixtures: `packages/testkit/fixtures/${architecture.id}`,
}));
