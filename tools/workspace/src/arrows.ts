/** What a package is for; written in its package.json as the nx tag `layer:NAME`. */
export type Layer = 'core' | 'loader' | 'report' | 'arch' | 'feature' | 'testkit' | 'app';

/** Which layers the sources of a layer may import. */
export const layerArrows: Readonly<Record<Layer, readonly Layer[]>> = {
  core: [],
  loader: ['core'],
  report: ['core'],
  arch: ['core'],
  feature: ['core', 'loader', 'report', 'feature'],
  testkit: ['core', 'loader'],
  app: ['core', 'loader', 'report', 'arch', 'feature'],
};

/** Feature packages differ in what they may import, so each one is listed. */
export const featureArrows: ReadonlyMap<string, readonly string[]> = new Map([
  ['@kelp/memory', ['@kelp/core', '@kelp/loader', '@kelp/report']],
  ['@kelp/livepatch', ['@kelp/core', '@kelp/loader', '@kelp/report']],
  ['@kelp/kernel-source', ['@kelp/core', '@kelp/report']],
  ['@kelp/census', ['@kelp/core', '@kelp/report']],
  ['@kelp/coverage', ['@kelp/core', '@kelp/census', '@kelp/report']],
]);

/**
 * Which layers the tests of a layer may import beyond {@link layerArrows}. Core and loader test with a
 * toy architecture of their own: testkit builds on them, and nx refuses the cycle.
 */
export const testArrows: Readonly<Record<Layer, readonly Layer[]>> = {
  core: [],
  loader: [],
  report: [],
  arch: ['loader', 'testkit'],
  feature: ['testkit'],
  testkit: [],
  app: ['testkit'],
};

/** One package that imports another. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** True where only tests import it. */
  readonly inTests: boolean;
}

/** Why an edge is not allowed, or undefined where it is. `layers` holds every package by name. */
export function objection(edge: Edge, layers: ReadonlyMap<string, Layer>): string | undefined {
  const from = layers.get(edge.from);
  const to = layers.get(edge.to);
  if (from === undefined) return `${edge.from} has no layer tag`;
  if (to === undefined) return `${edge.to} has no layer tag`;

  const arrow = `${edge.from} (${from}) -> ${edge.to} (${to})`;
  if (edge.inTests && testArrows[from].includes(to)) return undefined;
  if (!layerArrows[from].includes(to)) return arrow;
  if (from !== 'feature') return undefined;

  const allowed = featureArrows.get(edge.from);
  if (allowed === undefined) return `${edge.from} is not listed in featureArrows`;
  return allowed.includes(edge.to) ? undefined : arrow;
}
