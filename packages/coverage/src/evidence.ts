import { createHash } from 'node:crypto';
import { KelpError, type Architecture } from '@kelp/core';
import { featuresOf, type Feature } from './feature.ts';

/** What Kelp can be shown to do with a feature. `proven`: predicted bytes equal a kernel's memory. */
export const checks = ['recognized', 'decoded', 'applied', 'reversible', 'proven'] as const;

export type Check = (typeof checks)[number];

/** Where expected values come from: a linker, our own modules, modules of a distribution, a kernel's memory. */
export type EvidenceSource = 'vector' | 'fixture' | 'corpus' | 'memory';

/** One thing that was seen to hold, or not to hold. Written by `npm run evidence` only. */
export interface Evidence {
  /** ID of the feature. */
  readonly feature: string;
  /** Kernel series for which it was checked, such as `6.12`. */
  readonly kernels: readonly string[];
  /** Options without `CONFIG_` under which it was checked; absent: none set. */
  readonly configuration?: readonly string[];
  readonly check: Check;
  /** False: the artifact contradicts the row. */
  readonly holds: boolean;
  readonly source: EvidenceSource;
  /** The file or corpus that it was checked against. */
  readonly artifact: string;
  /** SHA-256 of the artifact. */
  readonly hash: string;
  /** {@link featureDigest} at the time of the check. */
  readonly digest: string;
}

/** `evidence.json` of a plugin. */
export interface EvidenceFile {
  readonly schema: 1;
  /** Architecture ID. */
  readonly architecture: string;
  /** SHA-256 over the source files that the checks run through. */
  readonly code: string;
  /** SHA-256 over the source files that loading runs through beside those; absent without memory evidence. */
  readonly loadingCode?: string;
  readonly records: readonly Evidence[];
}

/**
 * Digest of a feature's rows and of the code that interprets them. Evidence whose digest is another is stale: it says
 * something about rows or code that are no longer there, and counts for nothing.
 */
export function featureDigest(feature: Feature, code: string): string {
  return createHash('sha256').update(canonicalJson(feature.rows)).update(code).digest('hex');
}

/** JSON with sorted keys; bigints as text, functions left out (they belong to the code). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === 'bigint') return `${member}n`;
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    const entries = Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}

/** Digest of the code that evidence of a source depends on: what was loaded depends on the loader too. */
export function codeFor(
  { code, loadingCode }: Pick<EvidenceFile, 'code' | 'loadingCode'>,
  source: EvidenceSource,
): string {
  return source === 'memory' ? `${code} ${loadingCode ?? ''}` : code;
}

/** The records of an evidence file that still count, by feature ID. */
export function currentEvidence(
  architecture: Architecture,
  file: EvidenceFile,
): ReadonlyMap<string, readonly Evidence[]> {
  if (file.architecture !== architecture.id) {
    throw new KelpError(
      'coverage/evidence',
      `evidence of ${file.architecture} was given for ${architecture.id}`,
    );
  }
  const features = new Map(featuresOf(architecture).map((feature) => [feature.id as string, feature]));
  const current = new Map<string, Evidence[]>();
  for (const record of file.records) {
    const feature = features.get(record.feature);
    if (feature === undefined || featureDigest(feature, codeFor(file, record.source)) !== record.digest)
      continue;
    const records = current.get(record.feature);
    if (records === undefined) current.set(record.feature, [record]);
    else records.push(record);
  }
  return current;
}

/**
 * Read the text of an `evidence.json`.
 *
 * @throws KelpError `coverage/evidence` if it is not one, naming the record that is none.
 */
export function parseEvidence(text: string): EvidenceFile {
  const value = parseJson(text);
  if (!isEvidenceFile(value)) throw new KelpError('coverage/evidence', 'not an evidence file of schema 1');
  const damaged = value.records.findIndex((record: unknown) => !isEvidence(record));
  if (damaged !== -1)
    throw new KelpError('coverage/evidence', `record ${damaged} is not a record of evidence`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KelpError('coverage/evidence', 'evidence is not JSON', {}, { cause: error });
  }
}

function isEvidenceFile(value: unknown): value is EvidenceFile {
  if (typeof value !== 'object' || value === null) return false;
  if (!('schema' in value && 'architecture' in value && 'code' in value && 'records' in value)) return false;
  return (
    value.schema === 1 &&
    typeof value.architecture === 'string' &&
    typeof value.code === 'string' &&
    Array.isArray(value.records)
  );
}

const sources: readonly EvidenceSource[] = ['vector', 'fixture', 'corpus', 'memory'];

function isEvidence(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const texts = ['feature', 'artifact', 'hash', 'digest'];
  return (
    texts.every((name) => typeof members.get(name) === 'string') &&
    isTextList(members.get('kernels')) &&
    isTextList(members.get('configuration') ?? []) &&
    checks.some((check) => check === members.get('check')) &&
    sources.some((source) => source === members.get('source')) &&
    typeof members.get('holds') === 'boolean'
  );
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
