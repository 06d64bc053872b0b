import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { kernelSeries, parseKernel } from '@kelp/core';
import type { Evidence } from '@kelp/coverage';
import {
  openCaptureFolder,
  verifySnapshot,
  type CaptureFolder,
  type VerifiedModule,
} from '../../../packages/memory/src/index.ts';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import type { Plugin } from './architectures.ts';
import { toRecords, type Observation } from './records.ts';

/**
 * Hold the predicted memory of every module of some captures against the memory that was captured. What a module uses
 * in the sections that were compared is proven if not a byte of the module is unexplained, and contradicted if one is.
 */
export async function memoryEvidence(
  { architecture }: Plugin,
  folders: readonly string[],
  code: string,
): Promise<readonly Evidence[]> {
  const hash = createHash('sha256');
  const observations = new Map<string, Observation>();
  const runs: string[] = [];
  for (const folder of folders) {
    const snapshot = openCaptureFolder(folder);
    const verified = await verifyAll(snapshot, architecture.id, hash);
    if (verified.length === 0) continue;
    const kernel = kernelSeries(parseKernel(snapshot.release));
    for (const module of verified) {
      for (const observation of observe(module, kernel)) {
        observations.set(Object.values(observation).join(' '), observation);
      }
    }
    runs.push(`${verified.length} modules of ${snapshot.release}`);
    process.stderr.write(`${architecture.id}: ${folder} done\n`);
  }
  const artifact = {
    source: 'memory' as const,
    artifact: `memory of kernels: ${runs.join(', ')}`,
    hash: hash.digest('hex'),
  };
  return runs.length === 0 ? [] : toRecords(architecture, code, observations.values(), artifact);
}

async function verifyAll(
  snapshot: CaptureFolder,
  id: string,
  hash: ReturnType<typeof createHash>,
): Promise<readonly VerifiedModule[]> {
  const verified: VerifiedModule[] = [];
  const moduleFile = (
    name: string,
  ): Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined> => {
    const file = snapshot.moduleFiles.get(name);
    return Promise.resolve(file === undefined ? undefined : { file, bytes: readFileSync(file) });
  };
  for await (const result of verifySnapshot(snapshot, { architectures, moduleFile })) {
    if (!('sections' in result)) throw result.error;
    if (result.architecture.id !== id) return [];
    for (const { name, address, bytes } of result.sections) {
      hash.update(`${result.name} ${name}`).update(snapshot.memory.read(address, bytes) ?? '');
    }
    verified.push(result);
  }
  return verified;
}

function observe(
  { architecture, loaded, refused, sections }: VerifiedModule,
  kernel: string,
): readonly Observation[] {
  const holds = refused === undefined && sections.every(({ unexplained }) => unexplained.length === 0);
  const compared = new Set(sections.map(({ name }) => name));
  const { object } = loaded.image;
  const types = new Set<number>();
  for (const section of object.sections) {
    const target = object.sections[section.info]?.name;
    const relocations =
      target !== undefined && compared.has(target) ? object.relocations(section) : undefined;
    for (let index = 0; index < (relocations?.count ?? 0); index++) {
      if (relocations !== undefined) types.add(relocations.type(index));
    }
  }
  const features = [
    ...[...types]
      .flatMap((type) => architecture.relocationType(type)?.name ?? [])
      .map((name) => `relocation/${name}`),
    ...[...compared]
      .flatMap((name) => architecture.specialSection(name, loaded.image.kernel)?.name ?? [])
      .map((name) => `section/${name}`),
  ];
  return [...new Set(features)].map((feature) => ({ feature, check: 'proven', holds, kernel }));
}
