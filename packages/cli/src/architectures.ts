import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arm64 } from '@kelp/arm64';
import { KelpError, type Architecture } from '@kelp/core';
import { parseEvidence, type CoverageSubject } from '@kelp/coverage';
import { parseArchitectureSource, type SourceSubject } from '@kelp/kernel-source';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';

/** The architectures of this command. A fifth one is one more line here and in package.json. */
export const architectures: readonly Architecture[] = [x86, ppc64le, s390x, arm64];

const require = createRequire(import.meta.url);

/** The architectures with the evidence that their packages ship. */
export function coverageSubjects(): readonly CoverageSubject[] {
  return architectures.map((architecture) => {
    const file = require.resolve(`@kelp/${architecture.id}/evidence.json`);
    return { architecture, evidence: parseEvidence(readFileSync(file, 'utf8')) };
  });
}

/** An architecture with the file of its package that tells its places in a source tree. */
export function sourceSubject(architecture: Architecture): SourceSubject {
  const file = require.resolve(`@kelp/${architecture.id}/kernel-source.json`);
  return { architecture, source: parseArchitectureSource(readFileSync(file, 'utf8'), file) };
}

/**
 * An architecture by its ID or another spelling in use.
 *
 * @throws KelpError `architecture/unsupported`.
 */
export function architectureNamed(name: string): Architecture {
  const architecture = architectures.find(({ id, aliases }) => id === name || aliases.includes(name));
  if (architecture !== undefined) return architecture;
  const known = architectures.map(({ id }) => id).join(', ');
  throw new KelpError('architecture/unsupported', `architecture ${JSON.stringify(name)} is none of ${known}`);
}
