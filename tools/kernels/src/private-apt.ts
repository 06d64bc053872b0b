import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { AptSource, Mirror } from './machine-sources.ts';
import { chooseMirror, parseDeb822Sources, parseOneLineSources } from './machine-sources.ts';
import type { PackageVersion } from './package-choice.ts';

const run = promisify(execFile);

/** Enough for the names of all packages of Debian. */
const MAX_OUTPUT = 256 * 1024 * 1024;

/** An apt of our own: package lists, caches and sources in one folder, the machine's left alone. */
export interface PrivateApt {
  /** Read by apt after the machine's configuration, so that proxies and logins stay as they are. */
  readonly configuration: string;
}

/** A package file that `apt-get download` will write. */
export interface PackageFile {
  readonly file: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Finds the Debian mirror that the machine's apt uses.
 *
 * @throws Error where the machine has none.
 */
export async function machineMirror(folder = '/etc/apt'): Promise<Mirror> {
  const mirror = chooseMirror(await machineSources(folder));
  if (mirror === undefined) throw new Error(`no Debian mirror in ${folder}; name one with --mirror URI`);
  return { ...mirror, signedBy: mirror.signedBy ?? debianKeyring() };
}

async function machineSources(folder: string): Promise<readonly AptSource[]> {
  const parts = join(folder, 'sources.list.d');
  const names = existsSync(parts) ? (await readdir(parts)).toSorted() : [];
  const files = [join(folder, 'sources.list'), ...names.map((name) => join(parts, name))];
  const sources = await Promise.all(
    files.filter((file) => /\.(list|sources)$/.test(file) && existsSync(file)).map(readSources),
  );
  return sources.flat();
}

async function readSources(file: string): Promise<readonly AptSource[]> {
  const text = await readFile(file, 'utf8');
  return file.endsWith('.sources') ? parseDeb822Sources(text) : parseOneLineSources(text);
}

/** The keyring of the package debian-archive-keyring, which is .pgp in newer and .gpg in older releases. */
export function debianKeyring(): string | undefined {
  return ['pgp', 'gpg']
    .map((extension) => `/usr/share/keyrings/debian-archive-keyring.${extension}`)
    .find((file) => existsSync(file));
}

/** Writes the configuration, the sources and an empty list of installed packages into the folder. */
export async function preparePrivateApt(
  folder: string,
  mirror: Mirror,
  suites: readonly string[],
  architectures: readonly string[],
): Promise<PrivateApt> {
  const root = resolve(folder);
  if (/["\n]/.test(root))
    throw new Error(`apt cannot use a folder with a quote or line break in its name: ${root}`);
  await mkdir(join(root, 'state/lists/partial'), { recursive: true });
  await mkdir(join(root, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(root, 'status'), '');
  await writeFile(join(root, 'kernels.sources'), sourcesStanza(mirror, suites, architectures));
  const configuration = join(root, 'apt.conf');
  await writeFile(configuration, aptConfiguration(root, architectures));
  return { configuration };
}

/** The one stanza of our sources, in deb822 format because only that can hold an embedded key. */
export function sourcesStanza(
  mirror: Mirror,
  suites: readonly string[],
  architectures: readonly string[],
): string {
  const fields = [
    'Types: deb',
    `URIs: ${mirror.uri}`,
    `Suites: ${suites.join(' ')}`,
    'Components: main',
    `Architectures: ${architectures.join(' ')}`,
    ...(mirror.signedBy === undefined ? [] : [`Signed-By: ${mirror.signedBy}`]),
  ];
  return `${fields.join('\n')}\n`;
}

/** Moves all of apt's state into the folder; the machine's hooks and preferences must not run on our behalf. */
export function aptConfiguration(root: string, architectures: readonly string[]): string {
  return `#clear APT::Architectures;
#clear APT::Default-Release;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architectures { ${architectures.map((architecture) => `"${architecture}"; `).join('')}};
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Dir::Etc::sourcelist "${root}/kernels.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "${root}/state";
Dir::State::lists "lists";
Dir::State::status "${root}/status";
Dir::Cache "${root}/cache";
Dir::Cache::archives "archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
`;
}

/** Downloads the package lists of all suites and architectures. */
export async function updateLists(apt: PrivateApt): Promise<void> {
  await aptTool(apt, 'apt-get', ['-q', 'update']);
}

/** All package names that start with `linux-`, whatever their architecture. */
export async function linuxPackageNames(apt: PrivateApt): Promise<readonly string[]> {
  // Without --all-names apt leaves out what the machine's own architecture does not have.
  const names = await aptTool(apt, 'apt-cache', ['pkgnames', '--all-names', 'linux-']);
  return names.split('\n').filter((name) => name !== '');
}

/** Versions of the named packages for one architecture or `all`; names without any are left out. */
export async function packageVersions(
  apt: PrivateApt,
  names: readonly string[],
  architecture: string,
): Promise<readonly PackageVersion[]> {
  if (names.length === 0) return [];
  const qualified = names.map((name) => `${name}:${architecture}`);
  return parseMadison(await aptTool(apt, 'apt-cache', ['madison', ...qualified]));
}

/** Reads the table of `apt-cache madison`: `NAME[:ARCH] | VERSION | URI SUITE/COMPONENT ARCH Packages`. */
export function parseMadison(text: string): readonly PackageVersion[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([^\s:|]+)(?::\S+)?\s*\|\s*(\S+)\s*\|.*\s(\S+)\s+Packages$/.exec(line);
    if (match === null) return [];
    const [, name = '', version = '', architecture = ''] = match;
    return [{ name, version, architecture }];
  });
}

/** Downloads packages into a folder; files that are already there and whole are not fetched again. */
export async function downloadPackages(
  apt: PrivateApt,
  packages: readonly PackageVersion[],
  folder: string,
): Promise<readonly PackageFile[]> {
  await mkdir(folder, { recursive: true });
  const wanted = packages.map(({ name, architecture, version }) => `${name}:${architecture}=${version}`);
  const files = parsePrintedUris(
    await aptTool(apt, 'apt-get', ['download', '--print-uris', ...wanted], folder),
  );
  if (files.length !== packages.length) {
    throw new Error(
      `apt-get names ${files.length} files for ${packages.length} packages: ${wanted.join(', ')}`,
    );
  }
  await aptTool(apt, 'apt-get', ['-q', 'download', ...wanted], folder);
  return files.map(({ file, size }) => ({ file: join(folder, file), size }));
}

/** Reads the lines of `apt-get --print-uris`: `'URI' FILE SIZE HASH`. */
export function parsePrintedUris(text: string): readonly PackageFile[] {
  return text.split('\n').flatMap((line) => {
    const match = /^'[^']*' (\S+) ([0-9]+)\b/.exec(line);
    if (match === null) return [];
    const [, file = '', size = ''] = match;
    return [{ file, size: Number(size) }];
  });
}

async function aptTool(
  apt: PrivateApt,
  tool: 'apt-get' | 'apt-cache',
  parameters: readonly string[],
  folder?: string,
): Promise<string> {
  const { stdout } = await run(tool, ['-c', apt.configuration, ...parameters], {
    cwd: folder,
    maxBuffer: MAX_OUTPUT,
    env: { ...process.env, LC_ALL: 'C' },
  });
  return stdout;
}
