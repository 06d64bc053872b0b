import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfiguration, parseSeries, requireArchitecture } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  STB_GLOBAL,
  writeObjectFile,
  type ObjectFile,
} from '@kelp/core/elf';
import { lint, type LintFinding } from '@kelp/livepatch';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import type { Case, Outcome } from './cases.ts';

// tsx -C @kelp/source tools/second-loader/src/lint.ts FOLDER
//
// Lints the livepatches of FOLDER/cases.json and compares what it foretells with FOLDER/outcomes.json, what the second
// loader made of them: does a livepatch that lint has an error for fail, and is there a finding for each that fails?

/** What went wrong, and when; `reload` is the second time that the target comes. */
interface Failure {
  readonly moment: 'load' | 'reload' | 'target';
  readonly text: string;
}

function failureOf({ steps }: Case, outcomes: readonly Outcome[]): Failure | undefined {
  let comings = 0;
  for (const [index, outcome] of outcomes.entries()) {
    const step = steps[index]?.do;
    if (step === 'coming') comings++;
    const bad =
      outcome.refused?.complaint ?? (outcome.died === undefined ? undefined : `dies: ${outcome.died.kind}`);
    if (bad === undefined) continue;
    const text = bad.replaceAll(/0x[0-9a-f]+|\d+/gu, 'N');
    if (step === 'load') return { moment: 'load', text };
    return { moment: comings > 1 ? 'reload' : 'target', text };
  }
  return undefined;
}

/** The findings that say that a livepatch fails at a moment. */
function foretold(findings: readonly LintFinding[], { moment }: Failure): readonly LintFinding[] {
  const moments: Readonly<Record<Failure['moment'], readonly string[]>> = {
    load: ['load', 'enable', 'target'],
    target: ['load', 'enable', 'target'],
    reload: ['load', 'enable', 'target', 'reload'],
  };
  return findings.filter(
    (finding) => moments[moment].includes(finding.moment) && finding.severity !== 'note',
  );
}

interface Tally {
  readonly counts: Map<string, number>;
}

function count({ counts }: Tally, ...key: readonly string[]): void {
  const text = key.join(' | ');
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

function print(title: string, { counts }: Tally): void {
  process.stdout.write(`\n${title}\n`);
  for (const [text, number] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    process.stdout.write(`${String(number).padStart(7)}  ${text}\n`);
}

/** A module file with the symbols that a module has when it comes first, and what else it has later. */
function moduleOf({ machine, byteOrder }: ObjectFile, name: string, { steps }: Case): ObjectFile {
  const comings = steps.flatMap((step) =>
    step.do === 'coming' && step.module === name ? [step.symbols] : [],
  );
  const first = comings[0] ?? [];
  const known = new Set(first.map(([symbol]) => symbol));
  const later = comings
    .slice(1)
    .flat()
    .filter(([symbol]) => !known.has(symbol));
  const code = { type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(16) };
  const symbols = [...first, ...later].map(([symbol, , init]) => ({
    name: symbol,
    section: init === undefined ? 1 : 2,
    binding: STB_GLOBAL,
  }));
  const sections = [
    { ...code, name: '.text' },
    { ...code, name: '.init.text' },
    { ...code, name: '.modinfo', bytes: Buffer.from('depends=\0') },
  ];
  return parseObjectFile(writeObjectFile({ machine, byteOrder, sections, symbols }), `${name}.ko`);
}

function lintCase(one: Case, folder: string): readonly LintFinding[] {
  const object = parseObjectFile(readFileSync(join(folder, one.patch.file)), one.patch.file);
  const configuration = parseConfiguration(one.config.map((option) => `CONFIG_${option}=y\n`).join(''));
  const symbols = new Map([['vmlinux', one.vmlinux.map(([name]) => name)]]);
  const modules = new Map<string, ObjectFile>();
  for (const step of one.steps) {
    if (step.do === 'coming' && !modules.has(step.module))
      modules.set(step.module, moduleOf(object, step.module, one));
  }
  const architecture = requireArchitecture(object, architectures);
  const { findings } = lint({
    object,
    architecture,
    kernel: parseSeries(one.series, configuration),
    symbols,
    modules,
  });
  // The test livepatches have no vermagic, and the second loader does not ask for it.
  return findings.filter(({ rule }) => rule.name !== 'vermagic');
}

/** A file that the Python programs beside this one have written. */
function readJson<Content>(path: string): Readonly<Record<string, Content>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- cases.ts describes what they write.
  return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, Content>>;
}

const [folder = '.'] = process.argv.slice(2);
const cases = readJson<Case>(join(folder, 'cases.json'));
const outcomes = readJson<readonly Outcome[]>(join(folder, 'outcomes.json'));
const tallies = ['Livepatches', 'Rules', 'Failures without a finding', 'Errors without a failure'].map(
  (title) => [title, { counts: new Map<string, number>() }] as const,
);
const [verdicts, rules, missed, wrong] = tallies.map(([, tally]) => tally);
for (const [name, one] of Object.entries(cases)) {
  const findings = lintCase(one, folder);
  const failure = failureOf(one, outcomes[name] ?? []);
  const where = `${one.architecture} ${one.series}`;
  const errors = findings.filter(
    ({ severity, moment }) => severity === 'error' && ['enable', 'load', 'target'].includes(moment),
  );
  if (verdicts === undefined || rules === undefined || missed === undefined || wrong === undefined) break;
  for (const { rule } of new Map(findings.map((finding) => [finding.rule.code, finding])).values())
    count(rules, rule.code, rule.name, one.architecture);
  if (failure === undefined) {
    count(verdicts, where, errors.length === 0 ? 'works, no error' : 'works, error');
    for (const code of new Set(errors.map(({ rule }) => rule.code)))
      count(wrong, where, code, name.split('/').slice(2, 5).join('/').replaceAll(/\d+/gu, 'N'));
  } else {
    const found = foretold(findings, failure).length > 0;
    count(verdicts, where, found ? 'fails, foretold' : 'fails, not foretold');
    if (!found) count(missed, where, failure.moment, failure.text);
  }
}
for (const [title, tally] of tallies) print(title, tally);
