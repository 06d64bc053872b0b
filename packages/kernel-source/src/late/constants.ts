import type { ConditionalToken } from '../c/preprocess.ts';

/** What names and expressions are constant in a function: its parameters and variables, and what is assumed. */
export interface Constants {
  readonly names: ReadonlyMap<string, string>;
  readonly expressions: readonly { readonly texts: readonly string[]; readonly value: boolean }[];
}

/** A part of a test that is constant while the whole is not. */
interface ConstantPart {
  readonly tokens: readonly ConditionalToken[];
  readonly value: boolean;
}

/** Value of a test, and its constant parts where it has none. */
export interface TestValue {
  readonly value: boolean | undefined;
  readonly parts: readonly ConstantPart[];
}

/** Evaluate a test of names, `!`, `&&`, `||` and parentheses. */
export function evaluateTest(tokens: readonly ConditionalToken[], constants: Constants): TestValue {
  for (const operator of ['||', '&&'] as const) {
    const operands = splitAt(tokens, operator);
    if (operands.length > 1) return combine(operands, operator, constants);
  }
  const [first] = tokens;
  if (first?.text === '!' && operandEnd(tokens, 1) === tokens.length) {
    const { value, parts } = evaluateTest(tokens.slice(1), constants);
    return { value: value === undefined ? undefined : !value, parts };
  }
  if (first?.text === '(' && operandEnd(tokens, 0) === tokens.length) {
    return evaluateTest(tokens.slice(1, -1), constants);
  }
  return { value: valueOf(tokens, constants), parts: [] };
}

function combine(
  operands: readonly (readonly ConditionalToken[])[],
  operator: '&&' | '||',
  constants: Constants,
): TestValue {
  const decisive = operator === '||';
  // What is assumed may be a conjunction itself.
  const results = operands.map((operand) => ({ operand, ...evaluateTest(operand, constants) }));
  if (results.some(({ value }) => value === decisive)) return { value: decisive, parts: [] };
  if (results.every(({ value }) => value === !decisive)) return { value: !decisive, parts: [] };
  const parts = results.flatMap(({ operand, value, parts: inner }) =>
    value === undefined ? inner : [{ tokens: operand, value }],
  );
  return { value: undefined, parts };
}

function valueOf(tokens: readonly ConditionalToken[], constants: Constants): boolean | undefined {
  const texts = tokens.map(({ text }) => text);
  const assumed = constants.expressions.find(
    (one) => one.texts.length === texts.length && one.texts.every((text, at) => text === texts[at]),
  );
  if (assumed !== undefined) return assumed.value;
  const [name] = texts;
  const value = texts.length === 1 && name !== undefined ? (constants.names.get(name) ?? name) : undefined;
  if (value === 'true' || value === '1') return true;
  return value === 'false' || value === '0' || value === 'NULL' ? false : undefined;
}

function splitAt(
  tokens: readonly ConditionalToken[],
  operator: string,
): readonly (readonly ConditionalToken[])[] {
  const parts: ConditionalToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'operator' && '([{'.includes(token.text)) depth++;
    if (token.kind === 'operator' && ')]}'.includes(token.text)) depth--;
    if (depth === 0 && token.text === operator) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Where the operand ends that starts at an index and holds no operator outside of brackets. */
function operandEnd(tokens: readonly ConditionalToken[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const text = tokens[at]?.kind === 'operator' ? tokens[at]?.text : undefined;
    if (text === '(') depth++;
    else if (text === ')' && --depth === 0 && tokens[from]?.text === '(') return at + 1;
    else if (depth === 0 && text !== undefined && /^(?:[=!<>]=|[<>&|^+*/%-])$/u.test(text)) return at;
  }
  return tokens.length;
}

/** Arguments between the parentheses of a call. */
export function splitArguments(
  tokens: readonly ConditionalToken[],
): readonly (readonly ConditionalToken[])[] {
  return tokens.length === 0 ? [] : splitAt(tokens, ',');
}
