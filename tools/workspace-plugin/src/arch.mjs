// nx g @kelp/workspace-plugin:arch NAME --machine=EM
//
// In JavaScript: nx runs generators with Node alone, and Node 20 takes no types.

import { execFileSync } from 'node:child_process';
import { formatFiles, readJson, updateJson } from '@nx/devkit';
import { packageFiles } from './package-files.mjs';

/**
 * @typedef {object} ArchOptions
 * @property {string} name
 * @property {number} machine
 * @property {'little' | 'big'} [byteOrder]
 * @property {string} [kernel]
 * @property {string} [title]
 * @property {string} [aliases]
 * @property {boolean} [skipLockFile] - for tests: leave package-lock.json as it is
 */

/**
 * Create packages/NAME and its folder of fixtures, and add it to the command.
 *
 * @param {import('@nx/devkit').Tree} tree
 * @param {ArchOptions} options
 */
export default async function arch(tree, options) {
  const { name } = options;
  if (!/^[a-z][a-z0-9]{1,30}$/u.test(name))
    throw new Error(`${JSON.stringify(name)} is no name of an architecture`);
  if (tree.exists(`packages/${name}`)) throw new Error(`packages/${name} exists`);
  const sibling = readJson(tree, 'packages/x86/package.json');
  const files = packageFiles({
    name,
    machine: options.machine,
    byteOrder: options.byteOrder ?? 'little',
    kernel: options.kernel ?? name,
    title: options.title ?? name,
    aliases: (options.aliases ?? '').split(',').filter((alias) => alias !== ''),
    version: String(sibling.version),
    engines: sibling.engines,
    repository: sibling.repository,
  });
  for (const [path, content] of Object.entries(files)) tree.write(path, content);
  tree.write(`packages/${name}/LICENSE`, tree.read('LICENSE', 'utf8') ?? '');
  register(tree, name, String(sibling.version));
  await formatFiles(tree);
  return () => {
    if (options.skipLockFile !== true) refresh(tree.root, name);
    console.log(nextSteps(name));
  };
}

/**
 * One line in the list of the command, one in its package.json.
 *
 * @param {import('@nx/devkit').Tree} tree
 * @param {string} name
 * @param {string} version
 */
function register(tree, name, version) {
  updateJson(tree, 'packages/cli/package.json', (manifest) => ({
    ...manifest,
    dependencies: Object.fromEntries(
      Object.entries({ ...manifest.dependencies, [`@kelp/${name}`]: version }).toSorted(([a], [b]) =>
        a < b ? -1 : 1,
      ),
    ),
  }));
  const path = 'packages/cli/src/architectures.ts';
  const text = tree.read(path, 'utf8') ?? '';
  const list = /(readonly Architecture\[\] = \[)([^\]]*)\]/u;
  if (!list.test(text)) throw new Error(`${path} has no list of architectures`);
  const imported = text.replace(/(?=import \{ ppc64le \})/u, `import { ${name} } from '@kelp/${name}';\n`);
  tree.write(path, imported.replace(list, `$1$2, ${name}]`));
}

/**
 * npm ci stops where the lock file does not know the package; evidence and coverage report of the new package are
 * written as those of the others are.
 *
 * @param {string} root
 * @param {string} name
 */
function refresh(root, name) {
  const run = (/** @type {string[]} */ args) => execFileSync('npm', args, { cwd: root, stdio: 'inherit' });
  run(['install', '--ignore-scripts', '--no-audit', '--no-fund']);
  run(['run', '--silent', 'evidence', '--', '--architecture', name]);
  run(['run', '--silent', 'coverage-reports']);
}

/** @param {string} name */
export function nextSteps(name) {
  return `
packages/${name} is there, and kelp matrix --architecture ${name} shows it with nothing proven. Next, in this order; docs/plugin-guide.md
has the details:

1. relocation-types.ts: a row for each type, from the psABI and the kernel's apply_relocate_add().
2. tools/fixtures: a target in kernel_facts.py, which writes packages/testkit/fixtures/${name}/facts.json; a table in vectors/, which
   makes vectors.json; modules in modules.sh.
3. special-sections.ts: the tables that are the architecture's own: exceptions, alternatives, jump labels, ftrace.
4. finalization.ts: what module_finalize() does; linkage.ts where the loader builds a GOT, PLT or veneers.
5. support.ts: what the kernel can do, with its source.
6. npx vitest run --project packages/${name}: the conformance suite says what is missing and prints what is shown.
7. npm run evidence -- --architecture ${name} && npm run coverage-reports, then npm run check.
`;
}
