import { createHash } from 'node:crypto';
import { KelpError, type Finding } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { readLivepatch } from '../livepatch.ts';
import {
  blacklistLimit,
  packagingLimits,
  patchedAgainLimit,
  signatureLimit,
  type PackagingLimit,
} from './limits.ts';
import { moduleFacts, type ModuleFacts } from './module-facts.ts';
import { packagePaths, requireModuleName, type PackagePaths } from './package-paths.ts';
import { checkReplacement } from './replacement-checks.ts';

/** A module file. */
export interface ModuleInput {
  /** Its path. */
  readonly file: string;
  /** As it is on disk. */
  readonly bytes: Uint8Array;
  /** The same uncompressed, and read. */
  readonly plain: Uint8Array;
  readonly object: ObjectFile;
}

/** What to pack. */
export interface PackageInput {
  /** Of the package: a folder and configuration files are called after it. */
  readonly name: string;
  /** Livepatches and replacement modules. */
  readonly modules: readonly ModuleInput[];
  /** Modules of the kernel that are replaced, or deprecated. */
  readonly replaced: readonly ModuleInput[];
  /** Deprecated modules and those that stand for them under another name. */
  readonly deprecated: ReadonlyMap<string, string>;
}

/** A file of a package. Paths are relative to the root and never leave it. */
export interface PackageEntry {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A module of a package, as the manifest shows it. Texts are untrusted, except for path and name. */
export interface PackedModule {
  readonly name: string;
  readonly path: string;
  readonly livepatch: boolean;
  readonly sha256: string;
  readonly size: number;
  readonly srcversion: string | null;
  readonly version: string | null;
  readonly vermagic: string | null;
  readonly buildId: string | null;
  /** Checksums as eight hexadecimal digits, null where the kernel has no symbol versions. */
  readonly exports: readonly { readonly symbol: string; readonly checksum: string | null }[];
  readonly needs: readonly { readonly symbol: string; readonly checksum: string }[];
  /** Names of modules that it stands for: its own, or deprecated ones. */
  readonly replaces: readonly ReplacedModule[];
}

/** A module of the kernel that a package replaces. */
export interface ReplacedModule {
  readonly name: string;
  readonly sha256: string;
  readonly srcversion: string | null;
  readonly buildId: string | null;
}

/** The manifest of a package: `kelp-manifest.json`. */
export interface PackageManifest {
  readonly schema: 1;
  readonly name: string;
  readonly release: string;
  readonly modules: readonly PackedModule[];
  readonly deprecated: readonly { readonly name: string; readonly replacement: string }[];
  /** What the package cannot stop. */
  readonly limits: readonly PackagingLimit[];
}

/** A package, ready to be written. */
export interface PackagePlan {
  readonly paths: PackagePaths;
  /** In the order of their paths. */
  readonly entries: readonly PackageEntry[];
  readonly manifest: PackageManifest;
  readonly findings: readonly Finding[];
}

interface Known {
  readonly input: ModuleInput;
  readonly facts: ModuleFacts;
  readonly name: string;
}

const encoder = new TextEncoder();

/**
 * Lay out a package: the modules in a folder of their own below `updates`, configuration by which depmod prefers them,
 * and a manifest. The same input gives the same bytes.
 *
 * @throws KelpError `pack/...` for names that cannot be packed and modules of different kernels, `elf/...`.
 */
export function planPackage(input: PackageInput): PackagePlan {
  const modules = input.modules.map(known);
  const replaced = new Map(input.replaced.map((one) => known(one)).map((one) => [one.name, one]));
  const release = commonRelease(modules);
  const paths = packagePaths(input.name, release);
  requireUnique(modules);
  requireReplacements(input.deprecated, modules);
  const findings: Finding[] = [];
  const packed = modules.map((module) => packedModule(module, input, replaced, paths, findings));
  const manifest: PackageManifest = {
    schema: 1,
    name: input.name,
    release,
    modules: packed,
    deprecated: [...input.deprecated].map(([name, replacement]) => ({ name, replacement })),
    limits: limitsOf(modules, replaced, input.deprecated),
  };
  const entries: PackageEntry[] = [
    ...modules.map(({ name, input: { file, bytes } }) => ({ path: paths.module(name, file), bytes })),
    { path: paths.depmod, bytes: encoder.encode(depmodConfiguration(manifest, paths)) },
    { path: paths.manifest, bytes: encoder.encode(`${JSON.stringify(manifest, undefined, 2)}\n`) },
  ];
  if (input.deprecated.size > 0)
    entries.push({ path: paths.modprobe, bytes: encoder.encode(modprobeConfiguration(manifest)) });
  return { paths, entries: entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)), manifest, findings };
}

function known(input: ModuleInput): Known {
  const facts = moduleFacts(input.object, input.plain);
  const { name } = facts;
  if (name === undefined)
    throw new KelpError('pack/not-a-module', 'has no module name in .modinfo', { file: input.file });
  requireModuleName(name, input.file);
  return { input, facts, name };
}

function commonRelease(modules: readonly Known[]): string {
  const [first] = modules;
  if (first === undefined) throw new KelpError('pack/empty', 'a package needs at least one module');
  const { release } = first.facts;
  if (release === undefined)
    throw new KelpError('pack/no-vermagic', 'has no vermagic', { file: first.input.file });
  const other = modules.find(({ facts }) => facts.release !== release);
  if (other !== undefined) {
    const message = `is built for ${other.facts.release ?? 'no kernel'}, ${first.input.file} for ${release}`;
    throw new KelpError('pack/release', message, { file: other.input.file });
  }
  return release;
}

function requireUnique(modules: readonly Known[]): void {
  const names = new Set<string>();
  for (const { name, input } of modules) {
    if (names.has(name))
      throw new KelpError('pack/duplicate', `a second module ${name}`, { file: input.file });
    names.add(name);
  }
}

function requireReplacements(deprecated: ReadonlyMap<string, string>, modules: readonly Known[]): void {
  for (const [name, replacement] of deprecated) {
    requireModuleName(name);
    const there = modules.some((module) => module.name === replacement && !module.facts.isLivepatch);
    if (name !== replacement && there) continue;
    const message = `${name} is to be replaced by ${replacement}, which is no other module of the package`;
    throw new KelpError('pack/no-replacement', message);
  }
}

function packedModule(
  module: Known,
  input: PackageInput,
  replaced: ReadonlyMap<string, Known>,
  paths: PackagePaths,
  findings: Finding[],
): PackedModule {
  const { name, facts, input: file } = module;
  const names = [name, ...[...input.deprecated].filter(([, by]) => by === name).map(([old]) => old)];
  const old = facts.isLivepatch ? [] : names.flatMap((one) => replaced.get(one) ?? []);
  for (const one of old) findings.push(...checkReplacement(facts, one.facts));
  if (!facts.isLivepatch && old.length === 0)
    findings.push({
      severity: 'warning',
      code: 'pack/replaces-nothing',
      message: `no module ${name} is known that ${name} would replace: its checksums and aliases are not compared`,
    });
  return {
    name,
    path: paths.module(name, file.file),
    livepatch: facts.isLivepatch,
    sha256: sha256(file.bytes),
    size: file.bytes.length,
    srcversion: facts.srcversion ?? null,
    version: facts.version ?? null,
    vermagic: facts.vermagic ?? null,
    buildId: facts.buildId ?? null,
    exports: [...facts.exports].map(([symbol, checksum]) => ({
      symbol,
      checksum: checksum === undefined ? null : digits(checksum),
    })),
    needs: [...facts.needs].map(([symbol, checksum]) => ({ symbol, checksum: digits(checksum) })),
    replaces: old.map((one) => ({
      name: one.name,
      sha256: sha256(one.input.bytes),
      srcversion: one.facts.srcversion ?? null,
      buildId: one.facts.buildId ?? null,
    })),
  };
}

function limitsOf(
  modules: readonly Known[],
  replaced: ReadonlyMap<string, Known>,
  deprecated: ReadonlyMap<string, string>,
): readonly PackagingLimit[] {
  const patched = new Set(
    modules.flatMap(({ input }) => (readLivepatch(input.object)?.objects ?? []).map(({ name }) => name)),
  );
  const signed = [...replaced.values()].some(({ facts }) => facts.isSigned);
  const unsigned = modules.some(({ facts }) => !facts.isSigned);
  return [
    ...packagingLimits,
    ...(deprecated.size > 0 ? [blacklistLimit] : []),
    ...(signed && unsigned ? [signatureLimit] : []),
    ...(modules.some(({ name, facts }) => !facts.isLivepatch && patched.has(name))
      ? [patchedAgainLimit]
      : []),
  ];
}

/** depmod.d(5): a module of this name in this folder wins over all others, wherever they are. */
function depmodConfiguration({ name, release, modules }: PackageManifest, { folder }: PackagePaths): string {
  const lines = modules.map((module) => `override ${module.name} ${release} ${folder}`);
  return [`# Modules of the package ${name}`, ...lines, ''].join('\n');
}

/** modprobe.d(5): nothing finds the old module by an alias, and who asks for its name gets the other one. */
function modprobeConfiguration({ name, deprecated }: PackageManifest): string {
  const lines = deprecated.flatMap(({ name: old, replacement }) => [
    `blacklist ${old}`,
    `alias ${old} ${replacement}`,
  ]);
  return [`# Modules that the package ${name} replaces under another name`, ...lines, ''].join('\n');
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function digits(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
