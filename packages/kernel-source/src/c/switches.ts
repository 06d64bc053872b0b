import { evaluate, type Condition, type Knowledge } from './condition.ts';
import { closing } from './functions.ts';
import type { ConditionalToken } from './preprocess.ts';

/** Labels of a switch that share their statements. */
export interface CaseGroup {
  readonly labels: readonly CaseLabel[];
  /** `default:` is among the labels. */
  readonly isDefault: boolean;
  readonly statements: readonly ConditionalToken[];
}

/** `case NAME:` or `case NAME ... LAST:` */
export interface CaseLabel {
  /** The name, or undefined for another expression, which is not read. */
  readonly name: string | undefined;
  /** The end of a range, which it includes. */
  readonly last?: string;
  readonly line: number;
  readonly conditions: readonly Condition[];
}

/** What the statements of a case do: `stops` returns an error, `nothing` leaves at once, `acts` is all else. */
export type CaseEffect = 'stops' | 'nothing' | 'acts';

/** The switches of a function body, nested ones too, with the cases of each. */
export function findSwitches(body: readonly ConditionalToken[]): readonly (readonly CaseGroup[])[] {
  const switches: (readonly CaseGroup[])[] = [];
  for (const [at, token] of body.entries()) {
    if (token.text !== 'switch' || body[at + 1]?.text !== '(') continue;
    const open = closing(body, at + 1) + 1;
    const close = body[open]?.text === '{' ? closing(body, open) : -1;
    if (close > 0) switches.push(groupsOf(body.slice(open + 1, close)));
  }
  return switches;
}

function groupsOf(tokens: readonly ConditionalToken[]): readonly CaseGroup[] {
  const groups: CaseGroup[] = [];
  let labels: CaseLabel[] = [];
  let isDefault = false;
  let statements: ConditionalToken[] = [];
  const finish = (): void => {
    if (labels.length > 0 || isDefault) groups.push({ labels, isDefault, statements });
    [labels, isDefault, statements] = [[], false, []];
  };
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.kind === 'word' && (token.text === 'case' || token.text === 'default')) {
      const colon = tokens.findIndex((one, index) => index > at && one.text === ':');
      if (colon < 0) break;
      if (statements.length > 0) finish();
      if (token.text === 'default') isDefault = true;
      else labels.push(labelOf(tokens.slice(at + 1, colon), token));
      at = colon;
    } else if (token.text === '{' || token.text === '(') {
      const end = closing(tokens, at);
      statements.push(...tokens.slice(at, end < 0 ? tokens.length : end + 1));
      at = end < 0 ? tokens.length : end;
    } else if (token.kind !== 'directive') statements.push(token);
  }
  finish();
  return groups;
}

function labelOf(expression: readonly ConditionalToken[], at: ConditionalToken): CaseLabel {
  const [first, dots, last] = expression;
  const { line, conditions } = at;
  if (expression.length === 3 && first?.kind === 'word' && dots?.text === '...' && last?.kind === 'word') {
    return { name: first.text, last: last.text, line, conditions };
  }
  const name = expression.length === 1 && first?.kind === 'word' ? first.text : undefined;
  return { name, line, conditions };
}

/** What the statements of a case do under a configuration. */
export function effectOf(statements: readonly ConditionalToken[], known: Knowledge): CaseEffect {
  const compiled = statements.filter(({ conditions }) =>
    conditions.every((condition) => evaluate(condition, known) !== false),
  );
  const texts = compiled.map(({ text }) => text);
  if (texts[0] === '{') texts.splice(0, 1);
  // if (IS_ENABLED(CONFIG_X)) break;
  if (/^if \( IS_ENABLED \( CONFIG_\w+ \) \)$/u.test(texts.slice(0, 7).join(' '))) {
    if (known(texts[4] ?? '') === true) texts.splice(0, 7);
  }
  // A result is set to success before it leaves.
  if (/^\w+ = 0 ;$/u.test(texts.slice(0, 4).join(' '))) texts.splice(0, 4);
  const [first, second] = texts;
  if (first === 'return' && second === '-') return 'stops';
  return first === 'break' || first === 'continue' ? 'nothing' : 'acts';
}
