import type { Condition } from './condition.ts';
import { closing } from './functions.ts';
import type { ConditionalToken } from './preprocess.ts';
import { tokenize } from './tokens.ts';

/** A macro with parameters. */
interface FunctionMacro {
  readonly parameters: readonly string[];
  readonly body: string;
  readonly conditions: readonly Condition[];
}

/** Macros with parameters that a file defines under the given conditions: the first of each name. */
export function functionMacros(
  tokens: readonly ConditionalToken[],
  holds: (conditions: readonly Condition[]) => boolean,
): ReadonlyMap<string, FunctionMacro> {
  const macros = new Map<string, FunctionMacro>();
  for (const { kind, text, conditions } of tokens) {
    if (kind !== 'directive' || !holds(conditions)) continue;
    const [, name, parameters = '', body = ''] = /^#\s*define\s+(\w+)\(([^)]*)\)\s*(.*)$/su.exec(text) ?? [];
    if (name === undefined || macros.has(name)) continue;
    macros.set(name, { parameters: parameters.split(',').map((one) => one.trim()), body, conditions });
  }
  return macros;
}

/** Expand the macros of a file once wherever they are used with as many arguments as they have parameters. */
export function expand(
  tokens: readonly ConditionalToken[],
  macros: ReadonlyMap<string, FunctionMacro>,
): readonly ConditionalToken[] {
  const expanded: ConditionalToken[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    const macro = token.kind === 'word' && tokens[at + 1]?.text === '(' ? macros.get(token.text) : undefined;
    const end = macro === undefined ? -1 : closing(tokens, at + 1);
    const given = end < 0 ? [] : argumentsOf(tokens.slice(at + 2, end));
    if (macro === undefined || given.length !== macro.parameters.length) {
      expanded.push(token);
      continue;
    }
    const { line, column, endLine, conditions } = token;
    const body = substitute(macro, given);
    expanded.push(...tokenize(body).map((one) => ({ ...one, line, column, endLine, conditions })));
    at = end;
  }
  return expanded;
}

function argumentsOf(tokens: readonly ConditionalToken[]): readonly string[] {
  const parts = [''];
  let depth = 0;
  for (const { text, kind } of tokens) {
    if (text === '(') depth++;
    else if (text === ')') depth--;
    if (text === ',' && depth === 0) parts.push('');
    else parts.push(`${parts.pop() ?? ''} ${kind === 'string' ? `"${text}"` : text}`);
  }
  return parts.map((part) => part.trim());
}

function substitute({ parameters, body }: FunctionMacro, given: readonly string[]): string {
  const values = new Map(parameters.map((name, at) => [name, given[at] ?? '']));
  return body.replace(/\w+/gu, (word) => values.get(word) ?? word).replace(/\s*##\s*/gu, '');
}
