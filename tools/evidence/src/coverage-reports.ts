import { readFileSync, writeFileSync } from 'node:fs';
import { plugins, repositoryPath } from './architectures.ts';
import { coverageReport } from './coverage-report.ts';

// npm run coverage-reports: writes coverage.json and the table in README.md of every plugin.

for (const plugin of plugins) {
  const readme = repositoryPath(`${plugin.package}/README.md`);
  const { json, insertTable } = coverageReport(plugin);
  writeFileSync(repositoryPath(`${plugin.package}/coverage.json`), json);
  writeFileSync(readme, insertTable(readFileSync(readme, 'utf8')));
  process.stdout.write(`${plugin.architecture.id}: coverage.json and README.md written\n`);
}
