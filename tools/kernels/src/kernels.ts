/**
 * Fetches kernels from the Debian mirror that the machine already uses and unpacks them, without touching the
 * machine's own apt: nothing is installed, and lists and caches live in the target folder.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compareDebianVersions, unpackKernel, unpackSource } from './dpkg.ts';
import type { DebianArchitecture, KernelPackages, PackageVersion } from './package-choice.ts';
import {
  chooseKernel,
  isDebianArchitecture,
  KERNEL_FLAVORS,
  kernelPackageNames,
  newest,
  sourcePackageNames,
} from './package-choice.ts';
import type { PrivateApt } from './private-apt.ts';
import {
  debianKeyring,
  downloadPackages,
  linuxPackageNames,
  machineMirror,
  packageVersions,
  preparePrivateApt,
  updateLists,
} from './private-apt.ts';

const USAGE = `usage: npm run kernels -- --out DIR [option...]

Fetches Debian kernels with apt and unpacks them into DIR/VERSION-ARCH (lib/modules or usr/lib/modules, and boot).
What is there already is skipped; remove a folder to fetch it again.

  --out DIR              where everything goes, apt's lists included
  --versions LIST        kernel versions, default 6.1,6.12,7; "7" means the newest 7.x
  --architectures LIST   default ${[...KERNEL_FLAVORS.keys()].join(',')}
  --suites LIST          default bookworm,trixie,sid,experimental
  --mirror URI           instead of the machine's own mirror
  --sources              also fetch linux-source-VERSION and unpack it into DIR/linux-source-VERSION
  --keep-packages        keep the .deb files in DIR/packages
`;

interface Options {
  readonly out: string;
  readonly versions: readonly string[];
  readonly architectures: readonly DebianArchitecture[];
  readonly suites: readonly string[];
  readonly mirror: string | undefined;
  readonly sources: boolean;
  readonly keepPackages: boolean;
}

function readOptions(parameters: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      out: { type: 'string' },
      versions: { type: 'string', default: '6.1,6.12,7' },
      architectures: { type: 'string', default: [...KERNEL_FLAVORS.keys()].join(',') },
      suites: { type: 'string', default: 'bookworm,trixie,sid,experimental' },
      mirror: { type: 'string' },
      sources: { type: 'boolean', default: false },
      'keep-packages': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.out === undefined) return undefined;
  const versions = list(values.versions);
  const wrong = versions.find((version) => !/^[0-9]+([.][0-9]+)*$/.test(version));
  if (wrong !== undefined) throw new Error(`--versions: ${wrong} is no kernel version such as 6.1`);
  const architectures = list(values.architectures).map((name) => {
    if (isDebianArchitecture(name)) return name;
    throw new Error(
      `--architectures: found ${name}, expected some of ${[...KERNEL_FLAVORS.keys()].join(', ')}`,
    );
  });
  return {
    out: resolve(values.out),
    versions,
    architectures,
    suites: list(values.suites),
    mirror: values.mirror,
    sources: values.sources,
    keepPackages: values['keep-packages'],
  };
}

/** Fetches what the options ask for and is not there yet; returns what no suite offers. */
async function fetchKernels(options: Options): Promise<readonly string[]> {
  const wanted = options.versions.flatMap((version) =>
    options.architectures
      .filter((architecture) => !alreadyThere(options, `${version}-${architecture}`))
      .map((architecture) => ({ version, architecture })),
  );
  const sources = options.sources
    ? options.versions.filter((version) => !alreadyThere(options, `linux-source-${version}`))
    : [];
  if (wanted.length === 0 && sources.length === 0) return [];
  const apt = await openApt(options);
  const names = await linuxPackageNames(apt);
  const missing: string[] = [];
  for (const { version, architecture } of wanted) {
    const candidates = kernelPackageNames(version, architecture, names);
    const available = await packageVersions(apt, candidates, architecture);
    const kernel = chooseKernel(version, architecture, available, compareDebianVersions);
    if (kernel === undefined) missing.push(`kernel ${version} for ${architecture}`);
    else await fetchKernel(apt, options, architecture, kernel);
  }
  for (const version of sources) {
    const source = await chooseSource(apt, version, names);
    if (source === undefined) missing.push(`source of kernel ${version}`);
    else await fetchSource(apt, options, source);
  }
  return missing;
}

async function openApt(options: Options): Promise<PrivateApt> {
  const mirror =
    options.mirror === undefined ? await machineMirror() : { uri: options.mirror, signedBy: debianKeyring() };
  await mkdir(options.out, { recursive: true });
  const apt = await preparePrivateApt(
    join(options.out, 'apt'),
    mirror,
    options.suites,
    options.architectures,
  );
  say(`package lists of ${options.suites.join(', ')} for ${options.architectures.join(', ')}`);
  await updateLists(apt);
  return apt;
}

async function fetchKernel(
  apt: PrivateApt,
  options: Options,
  architecture: DebianArchitecture,
  kernel: KernelPackages,
): Promise<void> {
  const name = `${kernel.series}-${architecture}`;
  if (alreadyThere(options, name)) return;
  const files = await download(apt, options, name, kernel.packages);
  await unpackKernel(files, join(options.out, name), contents(kernel.packages));
  await discard(options, files);
  say(`${name}: unpacked`);
}

async function chooseSource(
  apt: PrivateApt,
  version: string,
  names: readonly string[],
): Promise<PackageVersion | undefined> {
  const available = await packageVersions(apt, sourcePackageNames(version, names), 'all');
  const source = newest(available, compareDebianVersions);
  // apt lists a package for all architectures with each of them, and downloads it as none of them.
  return source && { ...source, architecture: 'all' };
}

async function fetchSource(apt: PrivateApt, options: Options, source: PackageVersion): Promise<void> {
  if (alreadyThere(options, source.name)) return;
  const files = await download(apt, options, source.name, [source]);
  for (const file of files) await unpackSource(file, join(options.out, source.name), contents([source]));
  await discard(options, files);
  say(`${source.name}: unpacked`);
}

async function download(
  apt: PrivateApt,
  options: Options,
  name: string,
  packages: readonly PackageVersion[],
): Promise<readonly string[]> {
  say(`${name}: downloading ${contents(packages).join(', ')}`);
  const files = await downloadPackages(apt, packages, join(options.out, 'packages'));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  say(`${name}: ${(bytes / 1e6).toFixed(1)} MB here, unpacking`);
  return files.map(({ file }) => file);
}

function alreadyThere(options: Options, name: string): boolean {
  const there = existsSync(join(options.out, name));
  if (there) say(`${name}: already there`);
  return there;
}

async function discard(options: Options, files: readonly string[]): Promise<void> {
  if (!options.keepPackages) await Promise.all(files.map((file) => rm(file)));
}

function contents(packages: readonly PackageVersion[]): readonly string[] {
  return packages.map(({ name, architecture, version }) => `${name}:${architecture}=${version}`);
}

function list(text: string): readonly string[] {
  return text.split(',').filter((item) => item !== '');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    say(USAGE);
    return process.argv.includes('--help') ? 0 : 2;
  }
  const missing = await fetchKernels(options);
  for (const item of missing) process.stderr.write(`no suite has a ${item}\n`);
  return missing.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
