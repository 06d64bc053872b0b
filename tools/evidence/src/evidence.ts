import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  codeFor,
  featureDigest,
  featuresOf,
  parseEvidence,
  type Evidence,
  type EvidenceFile,
  type EvidenceSource,
} from '@kelp/coverage';
import { plugins, repositoryPath, type Plugin } from './architectures.ts';
import { codeDigest, loadingDigest } from './code-digest.ts';
import { corpusEvidence } from './corpus.ts';
import { memoryEvidence } from './memory.ts';
import { localEvidence } from './records.ts';

// npm run evidence [-- [--corpus FOLDER]... [--memory CAPTURE]... [--architecture ID]...]
//
// Writes evidence.json of every plugin: vector and fixture evidence anew; corpus evidence anew where folders of real
// modules are given, memory evidence where captures are; else what is there and not stale.

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', multiple: true },
    memory: { type: 'string', multiple: true },
    architecture: { type: 'string', multiple: true },
  },
});

for (const plugin of plugins) {
  if (values.architecture !== undefined && !values.architecture.includes(plugin.architecture.id)) continue;
  const digests = { code: codeDigest(plugin), loadingCode: loadingDigest(plugin) };
  const { code } = digests;
  const corpus =
    values.corpus === undefined
      ? currentRecords(plugin, digests, 'corpus')
      : await corpusEvidence(plugin, values.corpus, code);
  const memory =
    values.memory === undefined
      ? currentRecords(plugin, digests, 'memory')
      : await memoryEvidence(plugin, values.memory, codeFor(digests, 'memory'));
  const file: EvidenceFile = {
    schema: 1,
    architecture: plugin.architecture.id,
    ...digests,
    records: [...localEvidence(plugin, code), ...corpus, ...memory],
  };
  writeFileSync(repositoryPath(`${plugin.package}/evidence.json`), formatEvidence(file));
  const counts = `${corpus.length} from a corpus, ${memory.length} from memory`;
  process.stdout.write(`${plugin.architecture.id}: ${file.records.length} records, ${counts}\n`);
}

/** Records of a source whose rows and code are still the same. */
function currentRecords(
  { architecture, package: folder }: Plugin,
  digests: { readonly code: string; readonly loadingCode: string },
  wanted: EvidenceSource,
): readonly Evidence[] {
  const path = repositoryPath(`${folder}/evidence.json`);
  if (!existsSync(path)) return [];
  const code = codeFor(digests, wanted);
  const current = new Set(featuresOf(architecture).map((feature) => featureDigest(feature, code)));
  const { records } = parseEvidence(readFileSync(path, 'utf8'));
  return records.filter(({ source, digest }) => source === wanted && current.has(digest));
}

/** One record a line, so that a change is a line in a diff. */
function formatEvidence({ schema, architecture, code, loadingCode, records }: EvidenceFile): string {
  const lines = records.map((record) => `    ${JSON.stringify(record)}`);
  const header = [
    `  "schema": ${schema}`,
    `  "architecture": ${JSON.stringify(architecture)}`,
    `  "code": ${JSON.stringify(code)}`,
    `  "loadingCode": ${JSON.stringify(loadingCode)}`,
  ];
  return `{\n${header.join(',\n')},\n  "records": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
