import type { Letters } from './formula.ts';
import type { AppliedRule } from './relocation-type.ts';

/** Whether the value passes the range checks of a rule, whatever the place holds. */
export function isInRange(rule: AppliedRule, letters: Letters): boolean {
  const value = rule.formula.evaluate(letters) >> BigInt(rule.field.shift);
  return rule.steps.every((step) => step.kind !== 'range' || (step.min <= value && value <= step.max));
}
