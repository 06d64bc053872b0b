import { tokenize, type Token } from './tokens.ts';

/** What an `#if` asks, as far as it is understood; `opaque` is the rest. */
export type Condition =
  | { readonly kind: 'macro'; readonly name: string }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'opaque'; readonly text: string };

/** Whether a macro is defined, or an option on; undefined where that is not known. */
export type Knowledge = (name: string) => boolean | undefined;

/** Whether a condition holds; undefined where the knowledge does not decide. */
export function evaluate(condition: Condition, known: Knowledge): boolean | undefined {
  switch (condition.kind) {
    case 'constant':
      return condition.value;
    case 'macro':
      return known(condition.name);
    case 'opaque':
      return undefined;
    case 'not': {
      const value = evaluate(condition.of, known);
      return value === undefined ? undefined : !value;
    }
    case 'and':
    case 'or': {
      const decisive = condition.kind === 'or';
      const [left, right] = [evaluate(condition.left, known), evaluate(condition.right, known)];
      if (left === decisive || right === decisive) return decisive;
      return left === undefined || right === undefined ? undefined : !decisive;
    }
  }
}

/** The macros that a condition asks for. */
export function macrosOf(condition: Condition): readonly string[] {
  if (condition.kind === 'macro') return [condition.name];
  if (condition.kind === 'not') return macrosOf(condition.of);
  if (condition.kind === 'and' || condition.kind === 'or') {
    return [...macrosOf(condition.left), ...macrosOf(condition.right)];
  }
  return [];
}

/** A condition as C writes it. */
export function describeCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'macro':
      return condition.name;
    case 'not':
      return `!${parenthesized(condition.of)}`;
    case 'constant':
      return condition.value ? '1' : '0';
    case 'opaque':
      return condition.text;
    case 'and':
    case 'or':
      return [condition.left, condition.right]
        .map(parenthesized)
        .join(condition.kind === 'and' ? ' && ' : ' || ');
  }
}

function parenthesized(condition: Condition): string {
  const text = describeCondition(condition);
  return condition.kind === 'and' || condition.kind === 'or' ? `(${text})` : text;
}

export function negate(condition: Condition): Condition {
  return condition.kind === 'not' ? condition.of : { kind: 'not', of: condition };
}

/** Whether a name is that of an option: the macros that mean on or off and are never a number. */
const optionName = /^CONFIG_\w+$/u;
const tests = new Set(['defined', 'IS_ENABLED', 'IS_BUILTIN', 'IS_REACHABLE']);

/** Longer ones are not read: their parentheses may nest deeper than a program can. */
const mostText = 2000;

/** Read the expression of an `#if`. What is no combination of options and definitions becomes `opaque`, as a whole. */
export function parseCondition(text: string): Condition {
  if (text.length > mostText) return { kind: 'opaque', text: `${text.slice(0, mostText)}...` };
  const reader = new ConditionReader(tokenize(text));
  const condition = reader.either();
  return condition === undefined || !reader.done ? { kind: 'opaque', text } : condition;
}

class ConditionReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at === this.#tokens.length;
  }

  either(): Condition | undefined {
    return this.#chain('||', 'or', () => this.#chain('&&', 'and', () => this.#single()));
  }

  #chain(operator: string, kind: 'and' | 'or', operand: () => Condition | undefined): Condition | undefined {
    let left = operand();
    while (left !== undefined && this.#take(operator)) {
      const right = operand();
      left = right === undefined ? undefined : { kind, left, right };
    }
    return left;
  }

  #single(): Condition | undefined {
    if (this.#take('!')) {
      const of = this.#single();
      return of === undefined ? undefined : negate(of);
    }
    if (this.#take('(')) {
      const inner = this.either();
      return this.#take(')') ? inner : undefined;
    }
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'number' && /^[01]$/u.test(token.text)) {
      return { kind: 'constant', value: token.text === '1' };
    }
    if (token?.kind !== 'word') return undefined;
    if (!tests.has(token.text)) {
      return optionName.test(token.text) ? { kind: 'macro', name: token.text } : undefined;
    }
    const parenthesis = this.#take('(');
    const name = this.#tokens[this.#at++];
    if (name?.kind !== 'word' || (parenthesis && !this.#take(')'))) return undefined;
    return { kind: 'macro', name: name.text };
  }

  #take(text: string): boolean {
    if (this.#tokens[this.#at]?.text !== text) return false;
    this.#at++;
    return true;
  }
}
