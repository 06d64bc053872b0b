import type { Architecture } from '@kelp/core';
import type { ConformanceInput } from '../../../packages/testkit/src/index.ts';
import { repositoryPath } from '../../evidence/src/architectures.ts';
import { architectures } from '../../../packages/cli/src/architectures.ts';

/** Every architecture of this repository with what its conformance test holds it against. */
export async function conformanceInputs(): Promise<
  readonly { readonly architecture: Architecture; readonly input: ConformanceInput }[]
> {
  return await Promise.all(
    architectures.map(async (architecture) => {
      const path = repositoryPath(`packages/${architecture.id}/test/conformance-input.ts`);
      const module: unknown = await import(path);
      if (!hasInput(module)) throw new Error(`${path} exports no conformanceInput`);
      return { architecture, input: module.conformanceInput };
    }),
  );
}

function hasInput(module: unknown): module is { readonly conformanceInput: ConformanceInput } {
  return typeof module === 'object' && module !== null && 'conformanceInput' in module;
}
