import type { SourceSubject } from './architecture-source.ts';
import { clearSupport, parseKernel, relocationRule, type Architecture, type Kernel } from '@kelp/core';
import {
  choicesFor,
  describeChoice,
  holdsAll,
  knowledgeOf,
  mergeChoices,
  type Choice,
} from './configurations.ts';
import type { Disagreement } from './disagreement.ts';
import type { RelocationCase, RelocationSource } from './relocation-cases.ts';
import { effectOf } from './c/switches.ts';
import { macrosOf, type Condition } from './c/condition.ts';
import type { ConditionalToken } from './c/preprocess.ts';

type Verdict = 'applied' | 'ignored' | 'refused';

const verdicts = { acts: 'applied', nothing: 'ignored', stops: 'refused' } as const;

/** Compare the relocation table of an architecture with what the loader of a tree does, in every configuration that matters. */
export function compareRelocations(
  { architecture, source: { macros } }: SourceSubject,
  source: RelocationSource,
  release: string,
): readonly Disagreement[] {
  const choices = choicesFor(source.apply.cases.flatMap(conditionsOf));
  return mergeChoices(
    choices.map((choice) => {
      const options = [...choice].map(
        ([option, on]) => [option.replace(/^CONFIG_/u, ''), on ? 'y' : 'n'] as const,
      );
      const kernel = parseKernel(release, new Map(options));
      return compareUnder(architecture, source, kernel, choice, macros);
    }),
  );
}

/** Conditions of the label, and options that its statements test. */
function conditionsOf({ label, statements }: RelocationCase): readonly Condition[] {
  return [...label.conditions, ...testedOptions(statements)];
}

/** IS_ENABLED(CONFIG_X) at the start of the statements. */
function testedOptions(statements: readonly ConditionalToken[]): readonly Condition[] {
  return statements
    .filter(({ text }, at) => at < 6 && text.startsWith('CONFIG_'))
    .filter(({ text }) => macrosOf({ kind: 'macro', name: text }).length > 0)
    .map(({ text }) => ({ kind: 'macro', name: text }));
}

function compareUnder(
  architecture: Architecture,
  source: RelocationSource,
  kernel: Kernel,
  choice: Choice,
  macros: Readonly<Record<string, boolean>>,
): readonly Disagreement[] {
  const known = knowledgeOf(macros, choice);
  const inTree = new Map<number, { readonly verdict: Verdict; readonly one: RelocationCase }>();
  for (const one of source.apply.cases) {
    if (!holdsAll(one.label.conditions, known)) continue;
    inTree.set(one.number, { verdict: verdicts[one.effect ?? effectOf(one.statements, known)], one });
  }
  const place = source.apply.cases[0];
  const common = {
    architectures: [architecture.id],
    configuration: describeChoice(choice),
  };
  const found: Disagreement[] = [];
  const numbers = new Set([...inTree.keys(), ...architecture.relocationTypes.map(({ number }) => number)]);
  for (const number of [...numbers].toSorted((a, b) => a - b)) {
    const type = architecture.relocationType(number);
    const rule = type === undefined ? undefined : relocationRule(type, kernel);
    const table: Verdict = rule?.verdict ?? 'refused';
    const entry = inTree.get(number);
    const tree: Verdict = entry?.verdict ?? 'refused';
    // A type that both refuse needs no row.
    if (table === tree && (type !== undefined || tree === 'refused')) continue;
    found.push({
      ...common,
      code: 'relocation/verdict',
      subject: type?.name ?? `${entry?.one.name} (${number})`,
      tree: entry === undefined ? 'refused, no case names it' : tree,
      table: type === undefined ? 'no row' : table,
      place: entry === undefined ? placeOf(place) : placeOf(entry.one),
    });
  }
  return [...found, ...compareClearing(architecture, source, kernel, common)];
}

function compareClearing(
  architecture: Architecture,
  source: RelocationSource,
  kernel: Kernel,
  common: Pick<Disagreement, 'architectures' | 'configuration'>,
): readonly Disagreement[] {
  if (architecture.livepatch === undefined) return [];
  const row = clearSupport(architecture.livepatch, kernel);
  const clears = source.clear.cases.length > 0;
  if (clears === (row !== undefined)) return [];
  return [
    {
      ...common,
      code: 'relocation/clear',
      subject: 'clear_relocate_add',
      tree: clears ? 'clears' : 'does not clear',
      table: row === undefined ? 'does not clear' : 'clears',
      place: placeOf(source.clear.cases[0] ?? source.apply.cases[0]),
    },
  ];
}

function placeOf(one: RelocationCase | undefined): string {
  return one === undefined ? '' : `${one.file}:${one.line} ${one.function}()`;
}
