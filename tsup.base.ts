import type { Options } from 'tsup';

/** Build settings shared by every published package. */
export const library: Options = {
  entry: ['src/index.ts'],
  format: ['esm'],
  target: 'node20.19',
  dts: true,
  sourcemap: true,
  clean: true,
};
