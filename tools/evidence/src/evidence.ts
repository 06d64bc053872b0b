import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { featureDigest, featuresOf, parseEvidence, type Evidence, type EvidenceFile } from '@kelp/coverage';
import { plugins, repositoryPath, type Plugin } from './architectures.ts';
import { codeDigest } from './code-digest.ts';
import { corpusEvidence } from './corpus.ts';
import { localEvidence } from './records.ts';

// npm run evidence [-- --corpus FOLDER... [--architecture ID...]]
//
// Writes evidence.json of every plugin: vector and fixture evidence anew; corpus evidence anew where folders of real
// modules are given, else what is there and not stale.

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', multiple: true },
    architecture: { type: 'string', multiple: true },
  },
});

for (const plugin of plugins) {
  if (values.architecture !== undefined && !values.architecture.includes(plugin.architecture.id)) continue;
  const code = codeDigest(plugin);
  const kept = currentRecords(plugin, code);
  const corpus = values.corpus === undefined ? kept : await corpusEvidence(plugin, values.corpus, code);
  const file: EvidenceFile = {
    schema: 1,
    architecture: plugin.architecture.id,
    code,
    records: [...localEvidence(plugin, code), ...corpus],
  };
  writeFileSync(repositoryPath(`${plugin.package}/evidence.json`), formatEvidence(file));
  process.stdout.write(
    `${plugin.architecture.id}: ${file.records.length} records, ${corpus.length} of them from a corpus\n`,
  );
}

/** Records of a corpus or of memory whose rows and code are still the same. */
function currentRecords({ architecture, package: folder }: Plugin, code: string): readonly Evidence[] {
  const path = repositoryPath(`${folder}/evidence.json`);
  if (!existsSync(path)) return [];
  const digests = new Set(featuresOf(architecture).map((feature) => featureDigest(feature, code)));
  const { records } = parseEvidence(readFileSync(path, 'utf8'));
  return records.filter(
    ({ source, digest }) => (source === 'corpus' || source === 'memory') && digests.has(digest),
  );
}

/** One record a line, so that a change is a line in a diff. */
function formatEvidence({ schema, architecture, code, records }: EvidenceFile): string {
  const lines = records.map((record) => `    ${JSON.stringify(record)}`);
  const header = [
    `  "schema": ${schema}`,
    `  "architecture": ${JSON.stringify(architecture)}`,
    `  "code": ${JSON.stringify(code)}`,
  ];
  return `{\n${header.join(',\n')},\n  "records": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
