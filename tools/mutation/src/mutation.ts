// npm run mutation [-- ARCHITECTURE...]
//
// Breaks every row of every plugin in every way that tools/mutation knows, one at a time, and lets the conformance suite
// look at it. Takes minutes. Without arguments it writes the figures and the survivors into docs/mutation.md.

import { readFileSync, writeFileSync } from 'node:fs';
import { conformanceFailures, openInput } from '../../../packages/testkit/src/index.ts';
import { repositoryPath } from '../../evidence/src/architectures.ts';
import { conformanceInputs } from './inputs.ts';
import { catches, figures, survivors, type Outcome } from './report.ts';
import { judge, mutantsOf } from './run.ts';

const start = '<!-- figures: written by npm run mutation -->';

const wanted = new Set(process.argv.slice(2));
const outcomes: Outcome[] = [];
for (const { architecture, input } of await conformanceInputs()) {
  if (wanted.size > 0 && !wanted.has(architecture.id)) continue;
  const opened = openInput(input);
  const [broken] = conformanceFailures(architecture, opened);
  if (broken !== undefined) throw new Error(`${architecture.id} does not conform: ${broken.message}`);
  const verdicts = [...mutantsOf(architecture, opened)].map((mutant) => judge(mutant, opened));
  outcomes.push({ architecture: architecture.id, verdicts });
  process.stderr.write(`${architecture.id}: ${verdicts.length} mutants\n`);
}
const text = `${figures(outcomes)}\n\n${catches(outcomes)}\n\n## Survivors\n\n${survivors(outcomes)}`;
if (wanted.size > 0) process.stdout.write(`${text}\n`);
else {
  const path = repositoryPath('docs/mutation.md');
  const document = readFileSync(path, 'utf8');
  writeFileSync(path, `${document.slice(0, document.indexOf(start) + start.length)}\n\n${text}`);
}
