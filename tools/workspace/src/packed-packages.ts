// Packs every package as it would be published, checks the tarballs with publint and
// are-the-types-wrong, installs them into an empty project outside the workspace and uses them there.
// Needs a build. Prints one line per check; the first one that fails ends the run.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { members, readJson, writeJson } from './json.ts';
import { packageFolders, repository } from './source-files.ts';

/** A packed package. */
interface Tarball {
  /** `@kelp/core`. */
  readonly name: string;
  /** Absolute path of the .tgz file. */
  readonly path: string;
  /** True where the package can be imported; the cli is a command only. */
  readonly isLibrary: boolean;
}

/** Bytes of a packed plugin: whoever needs one architecture should not notice it among his dependencies. */
const pluginBudget = 100_000;
const packageBudget = 400_000;

const scratch = mkdtempSync(join(tmpdir(), 'kelp-packed-'));
try {
  const tarballs = packageFolders.map(pack);
  for (const tarball of tarballs) lint(tarball);
  const project = install(tarballs);
  useLibraries(project, tarballs);
  usePlugin(project);
  checkTypes(project, tarballs);
  useCommand(project);
} catch (error) {
  console.error(failureText(error));
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function pack(folder: string): Tarball {
  const source = `${repository}packages/${folder}`;
  const manifest = readJson(`${source}/package.json`);
  if (!existsSync(`${source}/dist`)) throw new Error(`packages/${folder} is not built`);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
  const report: unknown = JSON.parse(run('npm', args, source));
  const packed: unknown = Array.isArray(report) ? report[0] : undefined;
  const files = listedFiles(packed);
  for (const expected of ['LICENSE', 'README.md', 'package.json']) {
    if (!files.includes(expected)) throw new Error(`@kelp/${folder}: ${expected} is not packed`);
  }
  // The fixtures are GPL objects: no package may carry them.
  const objects = files.filter((file) => /(^|\/)fixtures\/|\.ko$|\.json\.gz$/.test(file));
  if (objects.length > 0) throw new Error(`@kelp/${folder}: fixtures are packed: ${objects.join(', ')}`);
  const size = Number(members(packed)['size']);
  const budget = isPlugin(manifest) ? pluginBudget : packageBudget;
  if (!(size < budget)) throw new Error(`@kelp/${folder} has ${size} bytes packed, the budget is ${budget}`);
  const stray = files.filter((file) => /^(src|test)\/|tsup\.config|tsconfig/.test(file));
  if (stray.length > 0) throw new Error(`@kelp/${folder}: packed by mistake: ${stray.join(', ')}`);
  console.log(`ok pack @kelp/${folder} (${files.length} files, ${size} of ${budget} bytes)`);
  const path = join(scratch, `kelp-${folder}-${String(manifest['version'])}.tgz`);
  return { name: `@kelp/${folder}`, path, isLibrary: '.' in members(manifest['exports']) };
}

/** The nx tag says so. */
function isPlugin(manifest: Record<string, unknown>): boolean {
  const { tags } = members(manifest['nx']);
  return Array.isArray(tags) && tags.includes('layer:arch');
}

function lint(tarball: Tarball): void {
  run('npm', ['exec', '--', 'publint', 'run', tarball.path, '--strict'], repository);
  if (tarball.isLibrary) {
    const profile = ['--profile', 'esm-only', '--no-emoji', '--no-color'];
    run('npm', ['exec', '--', 'attw', tarball.path, ...profile], repository);
  }
  console.log(`ok publint${tarball.isLibrary ? ', types' : ''} ${tarball.name}`);
}

/** Installs all tarballs into an empty project; nothing of @kelp comes from a registry. */
function install(tarballs: readonly Tarball[]): string {
  const root = readJson(`${repository}package.json`);
  const project = mkdtempSync(join(scratch, 'project-'));
  const files = Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:${path}`]));
  const versions = members(root['devDependencies']);
  const tools = new Map(['vitest', '@types/node'].map((name) => [name, versions[name]]));
  writeJson(`${project}/package.json`, {
    private: true,
    type: 'module',
    dependencies: files,
    devDependencies: Object.fromEntries(tools),
    overrides: { ...members(root['overrides']), ...files },
  });
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], project);
  const lock = readFileSync(`${project}/package-lock.json`, 'utf8');
  if (/"resolved": "https?:[^"]*@kelp/.test(lock)) throw new Error('@kelp came from a registry');
  console.log('ok install into an empty project');
  return project;
}

/** Imports every library, and requires it too: Node has allowed that of ES modules since 20.19. */
function useLibraries(project: string, tarballs: readonly Tarball[]): void {
  // The testkit registers tests when it is imported, which only works inside vitest.
  for (const name of entryPoints(tarballs).filter((entry) => entry !== '@kelp/testkit')) {
    for (const load of [`await import('${name}')`, `createRequire('${project}/x.js')('${name}')`]) {
      const code = `import { createRequire } from 'node:module';
        const names = Object.keys(${load});
        if (names.length === 0) throw new Error('${name} exports nothing');
        createRequire('${project}/x.js');`;
      run(process.execPath, ['--input-type=module', '-e', code], project);
    }
    console.log(`ok import and require ${name}`);
  }
}

/** An architecture that lives outside the repository: the conformance suite, and kelp --plugin. */
function usePlugin(project: string): void {
  for (const file of ['my-arch.mjs', 'my-arch.test.mjs', 'make-module.mjs'])
    cpSync(`${repository}tools/workspace/external/${file}`, `${project}/${file}`);
  run(process.execPath, ['make-module.mjs'], project);
  const tested = run('npm', ['exec', '--', 'vitest', 'run'], project);
  expectText('conformance suite of an external plugin', tested, [
    'recognized, decoded, applied, reversible: R_PDP11_REL32',
  ]);
  const plugin = ['kelp', '--plugin', './my-arch.mjs'];
  expectText('kelp --plugin inspect', run('npx', [...plugin, 'inspect', 'toy.ko'], project), [
    'R_PDP11_REL32',
    'PDP-11',
  ]);
  expectText('kelp --plugin explain', run('npx', [...plugin, 'explain', 'R_PDP11_REL32'], project), [
    'S + A - P',
  ]);
}

/** Compiles a program against the packed declarations, with the libraries' own types checked too. */
function checkTypes(project: string, tarballs: readonly Tarball[]): void {
  const names = entryPoints(tarballs).filter((name) => name !== '@kelp/testkit');
  const lines = names.map((name, index) => `export * as package${index} from '${name}';`);
  writeFileSync(`${project}/consumer.ts`, `${lines.join('\n')}\n`);
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      target: 'es2023',
      lib: ['es2023'],
      types: ['node'],
      strict: true,
      noEmit: true,
    };
    writeJson(`${project}/tsconfig.json`, { compilerOptions, files: ['consumer.ts'] });
    for (const compiler of ['tsc', 'tsc6']) {
      run(`${repository}node_modules/.bin/${compiler}`, ['-p', '.'], project);
    }
    console.log(`ok types for ${resolution}`);
  }
}

function useCommand(project: string): void {
  const kelp = (...args: string[]): string => run('npx', ['kelp', ...args], project);
  const { version } = readJson(`${repository}packages/cli/package.json`);

  const printed = kelp('--version').trim();
  if (printed !== version) throw new Error(`kelp --version prints ${printed}, not ${String(version)}`);
  expectText('kelp --help', kelp('--help'), ['inspect', 'scan', 'matrix', 'explain']);
  expectText('kelp explain', kelp('explain', '.altinstructions'), ['.altinstructions']);

  // Files enough for the pool of workers, which the build puts into a file of its own.
  cpSync(`${repository}packages/testkit/fixtures`, `${project}/modules`, { recursive: true });
  const census = kelp('scan', '--json', 'modules');
  expectText('kelp scan', census, ['"x86"', '"ppc64le"', '"s390x"', '"arm64"']);
}

function expectText(what: string, text: string, parts: readonly string[]): void {
  const missing = parts.filter((part) => !text.includes(part));
  if (missing.length > 0) throw new Error(`${what} does not print ${missing.join(', ')}:\n${text}`);
  console.log(`ok ${what}`);
}

/** What a program can import: `@kelp/core`, `@kelp/core/elf` ...; not the JSON files. */
function entryPoints(tarballs: readonly Tarball[]): string[] {
  return tarballs
    .filter(({ isLibrary }) => isLibrary)
    .flatMap(({ name }) => {
      const manifest = readJson(`${repository}packages/${name.slice('@kelp/'.length)}/package.json`);
      return Object.keys(members(manifest['exports']))
        .filter((subpath) => !subpath.endsWith('.json'))
        .map((subpath) => name + subpath.slice(1));
    });
}

function run(command: string, args: readonly string[], cwd: string): string {
  // A condition or loader of this process must not leak into the programs under test.
  const { NODE_OPTIONS: _options, ...env } = process.env;
  return execFileSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 1 << 28,
  });
}

function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const output = ['stdout', 'stderr'].map((key) => String(Reflect.get(error, key) ?? ''));
  return [error.message, ...output].join('\n');
}

function listedFiles(report: unknown): string[] {
  const { files } = members(report);
  return Array.isArray(files) ? files.map((file) => String(members(file)['path'])) : [];
}
