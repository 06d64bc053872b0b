import { readFileSync } from 'node:fs';
import { currentEvidence, parseEvidence, type EvidenceFile } from '@kelp/coverage';
import { describe, expect, test } from 'vitest';
import { plugins, repositoryPath, type Plugin } from '../src/architectures.ts';
import { codeDigest, loadingDigest } from '../src/code-digest.ts';
import { coverageReport } from '../src/coverage-report.ts';
import { localEvidence } from '../src/records.ts';

const named = plugins.map((plugin) => [plugin.architecture.id, plugin] as const);

function read({ package: folder }: Plugin, file: string): string {
  return readFileSync(repositoryPath(`${folder}/${file}`), 'utf8');
}

function evidenceOf(plugin: Plugin): EvidenceFile {
  return parseEvidence(read(plugin, 'evidence.json'));
}

describe.each(named)('%s', (_id, plugin) => {
  test('vector and fixture evidence is current; npm run evidence writes it', () => {
    const { code, loadingCode, records } = evidenceOf(plugin);
    expect(code).toBe(codeDigest(plugin));
    expect(loadingCode).toBe(loadingDigest(plugin));
    const local = records.filter(({ source }) => source === 'vector' || source === 'fixture');
    expect(local).toEqual(localEvidence(plugin, code));
    // Compiles all of a plugin and the loader to leave comments out of the digest.
  }, 30_000);

  test('no record is stale', () => {
    const file = evidenceOf(plugin);
    const current = [...currentEvidence(plugin.architecture, file).values()].flat();
    expect(current.length).toBe(file.records.length);
  });

  test('nothing is contradicted', () => {
    expect(evidenceOf(plugin).records.filter(({ holds }) => !holds)).toEqual([]);
  });

  test('the coverage report is current; npm run coverage-reports writes it', () => {
    const { json, insertTable } = coverageReport(plugin);
    expect(read(plugin, 'coverage.json')).toBe(json);
    const readme = read(plugin, 'README.md');
    expect(insertTable(readme)).toBe(readme);
  });
});
