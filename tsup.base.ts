import type { Options } from 'tsup';

/** Build settings shared by every published package. */
export const library: Options = {
  entry: ['src/index.ts'],
  format: ['esm'],
  target: 'node20.19',
  dts: true,
  // What is published is not minified, so its own line numbers say enough; maps would double the packages.
  sourcemap: false,
  clean: true,
};
