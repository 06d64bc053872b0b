import { createProjectGraphAsync, type ProjectGraph } from '@nx/devkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Edge, type Layer, layerArrows, objection } from '../src/arrows.ts';
import { packageFolders, packageOf, readSourceFiles, repository } from '../src/source-files.ts';

function isLayer(name: string): name is Layer {
  return Object.hasOwn(layerArrows, name);
}

/** Layer of every package by name, from the tags of the graph; none for a package with none or two. */
function layersOf(graph: ProjectGraph): Map<string, Layer> {
  const layers = new Map<string, Layer>();
  for (const { name, data } of Object.values(graph.nodes)) {
    const tags = (data.tags ?? []).filter((tag) => tag.startsWith('layer:'));
    const layer = tags[0]?.slice('layer:'.length);
    if (tags.length === 1 && layer !== undefined && isLayer(layer)) layers.set(name, layer);
  }
  return layers;
}

let graph: ProjectGraph;
let layers: Map<string, Layer>;

beforeAll(async () => {
  process.env['NX_DAEMON'] = 'false';
  process.env['NX_WORKSPACE_ROOT_PATH'] = repository;
  graph = await createProjectGraphAsync({ exitOnError: false });
  layers = layersOf(graph);
}, 60_000);

describe('the project graph', () => {
  test('holds every package, each with one layer', () => {
    expect([...layers.keys()].toSorted()).toEqual(packageFolders.map((name) => `@kelp/${name}`));
  });

  test('has edges that only an analysis of the sources finds', () => {
    // tsup is named by the tsup.config.ts of a package and by no package.json below the root. Were
    // this edge missing, the tests below would see declared dependencies only.
    const targets = (graph.dependencies['@kelp/core'] ?? []).map((edge) => edge.target);
    expect(targets).toContain('npm:tsup');
  });

  test('has no edge against the arrows', () => {
    // nx does not tell tests from sources: what tests may import counts here as allowed.
    const edges = Object.values(graph.dependencies)
      .flat()
      .filter((edge) => layers.has(edge.source) && layers.has(edge.target))
      .map((edge): Edge => ({ from: edge.source, to: edge.target, inTests: true }));
    expect(edges.length).toBeGreaterThanOrEqual(packageFolders.length - 1);
    expect(edges.map((edge) => objection(edge, layers)).filter(Boolean)).toEqual([]);
  });
});

describe('the sources', () => {
  test.each(packageFolders)('of %s import along the arrows', (folder) => {
    const objections = readSourceFiles([folder], 'src').flatMap((file) =>
      file.imports
        .map(packageOf)
        .filter((name) => name !== undefined && name.startsWith('@kelp/') && name !== `@kelp/${folder}`)
        .map((to) => objection({ from: `@kelp/${folder}`, to: String(to), inTests: false }, layers))
        .filter((reason) => reason !== undefined)
        .map((reason) => `${file.path}: ${reason}`),
    );
    expect(objections).toEqual([]);
  });

  test('below the cli name no architecture package', () => {
    const architectures = [...layers].filter(([, layer]) => layer === 'arch').map(([name]) => name);
    expect(architectures.length).toBeGreaterThan(0);
    const below = packageFolders.filter((folder) => layers.get(`@kelp/${folder}`) !== 'app');
    const offenders = readSourceFiles(below, 'src').flatMap((file) =>
      architectures
        .filter((name) => name !== `@kelp/${file.packageFolder}` && file.text.includes(name))
        .map((name) => `${file.path} names ${name}`),
    );
    expect(offenders).toEqual([]);
  });
});

describe('the rule itself', () => {
  const sample = new Map<string, Layer>([
    ['@kelp/core', 'core'],
    ['@kelp/x86', 'arch'],
    ['@kelp/s390x', 'arch'],
    ['@kelp/report', 'report'],
    ['@kelp/census', 'feature'],
    ['@kelp/coverage', 'feature'],
    ['@kelp/unlisted', 'feature'],
    ['@kelp/testkit', 'testkit'],
    ['@kelp/cli', 'app'],
  ]);
  const check = (from: string, to: string, inTests = false): string | undefined =>
    objection({ from: `@kelp/${from}`, to: `@kelp/${to}`, inTests }, sample);

  test.each([
    ['x86', 'core'],
    ['coverage', 'census'],
    ['cli', 'x86'],
    ['testkit', 'core'],
  ])('allows %s -> %s', (from, to) => {
    expect(check(from, to)).toBeUndefined();
  });

  test.each([
    ['core', 'x86'],
    ['core', 'report'],
    ['x86', 's390x'],
    ['x86', 'testkit'],
    ['report', 'census'],
    ['census', 'coverage'],
    ['census', 'x86'],
    ['cli', 'testkit'],
    ['unlisted', 'core'],
    ['nowhere', 'core'],
  ])('refuses %s -> %s', (from, to) => {
    expect(check(from, to)).toBeTypeOf('string');
  });

  test('lets the tests of a plugin, but not of core, use the testkit', () => {
    expect(check('x86', 'testkit', true)).toBeUndefined();
    expect(check('core', 'testkit', true)).toBeTypeOf('string');
  });
});
