import { appliesTo } from '@kelp/core';
import type { Errno, Severity } from '@kelp/core';
import { readLivepatch } from '../livepatch.ts';
import { LintContext, type LintInput } from './context.ts';
import { moduleRules } from './module-rules.ts';
import { objectRules } from './object-rules.ts';
import { relocationRules } from './relocation-rules.ts';
import { reloadRules } from './reload-rules.ts';
import type { Hit, LintRule, Moment } from './rule.ts';
import { sectionRules } from './section-rules.ts';
import { specialRules } from './special-rules.ts';
import { storeRules } from './store-rules.ts';
import { symbolRules } from './symbol-rules.ts';

/** Every rule, in the order of the codes. */
export const lintRules: readonly LintRule[] = [
  ...moduleRules,
  ...objectRules,
  ...sectionRules,
  ...symbolRules,
  ...relocationRules,
  ...specialRules,
  ...storeRules,
  ...reloadRules,
];

/** Something that a rule found in a livepatch. */
export interface LintFinding extends Omit<Hit, 'errno' | 'moment' | 'severity'> {
  readonly rule: LintRule;
  readonly severity: Severity;
  readonly moment: Moment;
  /** What the kernel answers; undefined where it does not notice, or does not survive. */
  readonly errno: Errno | undefined;
}

/** What linting a module came to. */
export interface LintResult {
  /** The module carries something of a livepatch; otherwise there is nothing to judge. */
  readonly isLivepatch: boolean;
  /** In the order of the rules. */
  readonly findings: readonly LintFinding[];
  /** What could not be judged for want of information: one sentence each. May quote untrusted names. */
  readonly notJudged: readonly string[];
}

/**
 * Judge a livepatch by every rule that the kernel enforces and by every hazard of its relocations.
 *
 * @throws KelpError `elf/...` for damaged tables.
 */
export function lint(input: LintInput): LintResult {
  const livepatch = readLivepatch(input.object);
  if (livepatch === undefined) return { isLivepatch: false, findings: [], notJudged: [] };
  const context = new LintContext(input, livepatch);
  const findings = lintRules
    .filter(({ applies }) => appliesTo(applies, input.kernel))
    .flatMap((rule) => [...rule.check(context)].map((hit) => toFinding(rule, hit)));
  return { isLivepatch: true, findings, notJudged: [...unknowns(context, input)] };
}

function toFinding(rule: LintRule, { errno, severity, moment, ...hit }: Hit): LintFinding {
  return {
    ...hit,
    rule,
    severity: severity ?? rule.severity,
    moment: moment ?? rule.moment,
    errno: errno === null ? undefined : (errno ?? rule.errno),
  };
}

function* unknowns(context: LintContext, { kernel }: LintInput): Generator<string> {
  const { livepatch, reference, symbols } = context;
  if (livepatch.structures === undefined)
    yield 'Objects and functions: no klp_patch was found in the data, the module makes it at run time';
  if (kernel.configuration === undefined)
    yield 'The configuration is not known: LIVEPATCH counts as on, STRICT_MODULE_RWX too, other options as off';
  if (reference === undefined) yield 'Size of struct module: no module of the kernel was given';
  const objects = new Set([
    ...livepatch.objects.map(({ name }) => name),
    ...livepatch.symbols.flatMap(({ name }) => name?.object ?? []),
  ]);
  for (const object of objects) {
    if (!symbols.has(object))
      yield `Symbols of ${object}: neither a list nor the file of the object was given`;
  }
}
