import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { FileReader, findModules } from '@kelp/census';
import { readIdentity } from '@kelp/core/elf';
import type { Evidence } from '@kelp/coverage';
import type { Plugin } from './architectures.ts';
import { moduleObservations, toRecords, type Observation } from './records.ts';

/**
 * Hold every module of an architecture below some folders against the tables. Takes minutes; the progress goes to the
 * error stream.
 */
export async function corpusEvidence(
  { architecture }: Plugin,
  folders: readonly string[],
  code: string,
): Promise<readonly Evidence[]> {
  const hash = createHash('sha256');
  const observations = new Map<string, Observation>();
  const releases = new Map<string, number>();
  const reader = new FileReader();
  for (const folder of folders) {
    for (const file of findModules([folder]).files) {
      const bytes = await reader.read(file);
      const identity = readIdentity(bytes);
      if (identity?.machine !== architecture.elf.machine || identity.byteOrder !== architecture.elf.byteOrder)
        break;
      hash.update(relative(folder, file)).update(readFileSync(file));
      const seen = moduleObservations(architecture, bytes, file);
      for (const observation of seen) observations.set(Object.values(observation).join(' '), observation);
      const release = seen[0]?.kernel ?? 'unknown';
      releases.set(release, (releases.get(release) ?? 0) + 1);
      report(file, seen);
    }
    process.stderr.write(`${architecture.id}: ${folder} done\n`);
  }
  const counts = [...releases].map(([release, count]) => `${count} of ${release}`).join(', ');
  const artifact = {
    source: 'corpus' as const,
    artifact: `modules of Debian kernels: ${counts}`,
    hash: hash.digest('hex'),
  };
  return observations.size === 0 ? [] : toRecords(architecture, code, observations.values(), artifact);
}

function report(file: string, observations: readonly Observation[]): void {
  for (const { feature, check, holds } of observations) {
    if (!holds) process.stderr.write(`${file}: ${feature} is not ${check} as the table says\n`);
  }
}
