import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  hasOption,
  kernelSeries,
  parseKernel,
  parseSeries,
  type Architecture,
  type Configuration,
  type Kernel,
  type RelocationType,
} from '@kelp/core';
import { findModinfoValue, parseObjectFile } from '@kelp/core/elf';
import {
  checkedKernels,
  featureDigest,
  featuresOf,
  type Check,
  type Evidence,
  type EvidenceSource,
} from '@kelp/coverage';
import {
  checkModule,
  checkVectors,
  parseVectors,
  readFixtures,
  type VectorResult,
} from '../../../packages/testkit/src/index.ts';
import { repositoryPath, type Plugin } from './architectures.ts';

/** One observation, before observations of the same thing in several kernels become one record. */
export interface Observation {
  readonly feature: string;
  readonly check: Check;
  readonly holds: boolean;
  readonly kernel: string;
  readonly configuration?: readonly string[];
}

/** What observations of one source have in common. */
export interface Artifact {
  readonly source: EvidenceSource;
  readonly artifact: string;
  readonly hash: string;
}

/** Evidence that the test command recomputes: golden vectors and our own modules. */
export function localEvidence(plugin: Plugin, code: string): readonly Evidence[] {
  return [...vectorEvidence(plugin, code), ...fixtureEvidence(plugin, code)];
}

function vectorEvidence({ architecture, fixtures }: Plugin, code: string): readonly Evidence[] {
  const file = `${fixtures}/vectors.json`;
  const text = readFileSync(repositoryPath(file), 'utf8');
  const { vectors } = parseVectors(text);
  const observations = checkedKernels.flatMap((series) =>
    configurations(architecture).flatMap((configuration) => {
      const kernel = parseSeries(series, new Map(configuration.map((option) => [option, 'y'])));
      return checkVectors(architecture, kernel, vectors)
        .filter(
          ({ type }) =>
            configuration.length === 0 || dependsOn(architecture.relocationType(type), configuration),
        )
        .flatMap((result) => vectorObservations(result, series, configuration));
    }),
  );
  return toRecords(architecture, code, observations, {
    source: 'vector',
    artifact: file,
    hash: sha256(text),
  });
}

/** No option, and every set of options that some rule asks for. */
function configurations({ relocationTypes }: Architecture): readonly (readonly string[])[] {
  const sets = relocationTypes.flatMap(({ rules }) =>
    rules.flatMap(({ applies }) => (applies ?? []).map(({ config }) => optionsOn(config).join(' '))),
  );
  return ['', ...new Set(sets.filter((set) => set !== ''))].map((set) => (set === '' ? [] : set.split(' ')));
}

function optionsOn(config: Readonly<Record<string, boolean>> | undefined): readonly string[] {
  return Object.entries(config ?? {}).flatMap(([option, on]) => (on ? [option] : []));
}

/** Only rules that ask for the options say something about them. */
function dependsOn(type: RelocationType | undefined, configuration: readonly string[]): boolean {
  const rules = type?.rules ?? [];
  return rules.some(({ applies }) =>
    applies?.some(({ config }) => configuration.every((option) => config?.[option] === true)),
  );
}

function vectorObservations(
  result: VectorResult,
  kernel: string,
  configuration: readonly string[],
): readonly Observation[] {
  if (result.name === undefined || result.compared === 0) return [];
  const feature = `relocation/${result.name}`;
  const common = { feature, kernel, ...(configuration.length === 0 ? {} : { configuration }) };
  return [
    { ...common, check: 'recognized', holds: !result.misnamed },
    { ...common, check: 'decoded', holds: result.misread.length === 0 },
    { ...common, check: 'applied', holds: result.mismatches.length + result.unforeseen.length === 0 },
  ];
}

function fixtureEvidence({ architecture, fixtures }: Plugin, code: string): readonly Evidence[] {
  const modules = [...readFixtures(repositoryPath(fixtures)).modules];
  const observations = modules.flatMap(([name, { bytes, configuration }]) =>
    moduleObservations(architecture, bytes, name, configuration),
  );
  const hash = sha256(
    ...modules.flatMap(([name, { bytes, configuration }]) => [name, bytes, optionText(configuration)]),
  );
  return toRecords(architecture, code, observations, { source: 'fixture', artifact: fixtures, hash });
}

function optionText(configuration: Configuration | undefined): string {
  return [...(configuration ?? [])].map(([option, value]) => `${option}=${value}`).join(' ');
}

/**
 * What one module shows; empty where it names no kernel.
 *
 * @param configuration - of the kernel that it is built for, where the module depends on it.
 */
export function moduleObservations(
  architecture: Architecture,
  bytes: Uint8Array,
  file: string,
  configuration?: Configuration,
): readonly Observation[] {
  const object = parseObjectFile(bytes, file);
  const vermagic = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic');
  const kernel = kernelOf(vermagic, configuration);
  if (kernel === undefined) return [];
  const options = [...(configuration ?? [])].flatMap(([option]) =>
    hasOption(kernel, option) ? [option] : [],
  );
  return checkModule(architecture, kernel, object).map(({ feature, check, contradiction }) => ({
    feature,
    check,
    holds: contradiction === undefined,
    kernel: kernelSeries(kernel),
    ...(options.length === 0 ? {} : { configuration: options }),
  }));
}

function kernelOf(
  vermagic: string | undefined,
  configuration: Configuration | undefined,
): Kernel | undefined {
  const release = vermagic?.split(' ', 1)[0] ?? '';
  return /^\d+\.\d+/u.test(release) ? parseKernel(release, configuration) : undefined;
}

/** One record for each feature, check, outcome and configuration, with all kernels in which it was observed. */
export function toRecords(
  architecture: Architecture,
  code: string,
  observations: Iterable<Observation>,
  artifact: Artifact,
): readonly Evidence[] {
  const kernels = new Map<string, { readonly observation: Observation; readonly kernels: Set<string> }>();
  for (const observation of observations) {
    const { feature, check, holds, configuration = [] } = observation;
    const key = JSON.stringify([feature, check, holds, configuration]);
    const known = kernels.get(key);
    if (known === undefined) kernels.set(key, { observation, kernels: new Set([observation.kernel]) });
    else known.kernels.add(observation.kernel);
  }
  const digests = new Map(
    featuresOf(architecture).map((feature) => [feature.id as string, featureDigest(feature, code)]),
  );
  return [...kernels.values()]
    .map(({ observation: { feature, check, holds, configuration }, kernels: seen }): Evidence => ({
      feature,
      kernels: checkedKernels.filter((kernel) => seen.has(kernel)),
      ...(configuration === undefined ? {} : { configuration }),
      check,
      holds,
      ...artifact,
      digest: digests.get(feature) ?? '',
    }))
    .filter((record) => record.kernels.length > 0)
    .toSorted(
      (a, b) =>
        compare(a.feature, b.feature) || compare(a.check, b.check) || Number(b.holds) - Number(a.holds),
    );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** SHA-256 over texts and bytes, one after the other. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
