import type { Census } from './census.ts';
import { sumBySection } from './function-report.ts';
import { judgeFunctions, type FunctionVerdicts, type JudgedFunction } from './function-verdicts.ts';

/** Version of the format of {@link functionJson}. */
const functionSchema = 1;

/** `kelp functions --json`. */
export interface FunctionJson {
  readonly schema: typeof functionSchema;
  readonly kernels: readonly (Omit<FunctionVerdicts, 'list'> & {
    readonly architecture: string;
    readonly release: string;
    readonly refused: number;
    readonly unrecognized: number;
    readonly sections: ReturnType<typeof sumBySection>;
    readonly list: readonly JudgedFunction[];
  })[];
}

/** The verdicts about all kernels of a census as plain data. */
export function functionJson(census: Census): FunctionJson {
  const kernels = Object.entries(census.architectures).flatMap(([architecture, counts]) =>
    counts.kernels.map(({ release, functions }) => {
      const { list, ...verdicts } = judgeFunctions(functions);
      const refused = list.filter(({ verdict }) => verdict === 'refused').length;
      return {
        architecture,
        release,
        ...verdicts,
        refused,
        unrecognized: list.length - refused,
        sections: sumBySection(functions.sections),
        list,
      };
    }),
  );
  return { schema: functionSchema, kernels };
}
