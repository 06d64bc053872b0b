import type { Census, KernelCounts } from '@kelp/census';
import type { Architecture } from '@kelp/core';
import { featureDigest, featuresOf, type Evidence, type EvidenceFile } from '../src/index.ts';
import { toy } from './toy-architecture.ts';

/** Digest of the code in the toy's evidence. */
export const code = 'c0de';

/** A record of evidence for a feature of the toy as its row is now. */
export function record(feature: string, check: Evidence['check'], changes: Partial<Evidence> = {}): Evidence {
  const found = featuresOf(toy).find(({ id }) => id === feature);
  if (found === undefined) throw new Error(`no feature ${feature}`);
  return {
    feature,
    kernels: ['6.1', '6.12'],
    check,
    holds: true,
    source: 'vector',
    artifact: 'vectors.json',
    hash: '00',
    digest: featureDigest(found, code),
    ...changes,
  };
}

export function evidenceFile(records: readonly Evidence[], architecture: Architecture = toy): EvidenceFile {
  return { schema: 1, architecture: architecture.id, code, records };
}

/** What a section of a toy census says: modules, entries; known to the table unless it says otherwise. */
interface ToyUse {
  readonly name: string;
  readonly modules: number;
  readonly entries?: number | null;
  readonly special?: boolean;
  readonly known?: boolean;
}

export interface ToyRelease {
  readonly release: string;
  readonly modules: number;
  readonly sections?: readonly ToyUse[];
  /** Type, count, files. */
  readonly relocations?: readonly (readonly [type: number, count: number, modules: number])[];
}

/** A census of the toy. */
export function toyCensus(...releases: readonly ToyRelease[]): Census {
  const kernels = releases.map((one) => counts(one));
  const empty = counts({ release: '', modules: 0 });
  return { schema: 2, architectures: { toy: { ...empty, kernels } }, failed: [] };
}

function counts({ release, modules, sections = [], relocations = [] }: ToyRelease): KernelCounts {
  return {
    release,
    modules,
    images: 0,
    failed: [],
    relocations: relocations.map(([type, count, files]) => {
      return { type, name: toy.relocationType(type)?.name ?? `unknown(${type})`, count, modules: files };
    }),
    sections: sections.map(({ entries = null, special = true, known = true, name, modules: files }) => {
      return { name, modules: files, bytes: 64, entries, special, known };
    }),
    relocationsBySection: [],
    functions: { subsystems: [], sections: [], keys: [], exports: [] },
    shapes: [],
  };
}
