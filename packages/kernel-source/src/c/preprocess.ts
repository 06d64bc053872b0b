import { KelpError } from '@kelp/core';
import { evaluate, negate, parseCondition, type Condition, type Knowledge } from './condition.ts';
import type { Token } from './tokens.ts';

/** A token that may be compiled, and the conditions under which it is that the knowledge did not decide. */
export interface ConditionalToken extends Token {
  readonly conditions: readonly Condition[];
}

/** One open `#if`. */
interface Level {
  /** What the earlier branches asked: the next holds only where none of them does. */
  readonly earlier: readonly Condition[];
  readonly conditions: readonly Condition[];
  readonly dead: boolean;
}

/**
 * Leave out what is not compiled, and note on the rest which undecided conditions it stands under. Includes are not
 * followed and macros not expanded; `#define` lines stay as tokens.
 *
 * @throws KelpError `source/truncated` for an `#if` without `#endif` or the reverse.
 */
export function preprocess(
  tokens: readonly Token[],
  known: Knowledge,
  file?: string,
): readonly ConditionalToken[] {
  const kept: ConditionalToken[] = [];
  const levels: Level[] = [];
  const none: readonly Condition[] = [];
  for (const token of tokens) {
    const outer = levels.at(-1);
    if (token.kind !== 'directive') {
      if (outer?.dead !== true) kept.push({ ...token, conditions: outer?.conditions ?? none });
      continue;
    }
    const [, name = '', rest = ''] = /^#\s*(\w*)\s*(.*)$/su.exec(token.text) ?? [];
    if (name === 'if' || name === 'ifdef' || name === 'ifndef') {
      levels.push(enter(levels.at(-1), [], questionOf(name, rest), known));
    } else if (name === 'elif' || name === 'else' || name === 'endif') {
      const level = levels.pop();
      if (level === undefined) throw unbalanced(`line ${token.line}: #${name} without #if`, file);
      if (name === 'endif') continue;
      const question: Condition = name === 'else' ? { kind: 'constant', value: true } : parseCondition(rest);
      levels.push(enter(levels.at(-1), level.earlier, question, known));
    } else if (outer?.dead !== true) {
      kept.push({ ...token, conditions: outer?.conditions ?? none });
    }
  }
  if (levels.length > 0) throw unbalanced(`the file ends within ${levels.length} #if`, file);
  return kept;
}

function questionOf(name: string, rest: string): Condition {
  if (name === 'if') return parseCondition(rest);
  const macro: Condition = { kind: 'macro', name: rest.trim() };
  return name === 'ifdef' ? macro : negate(macro);
}

function enter(
  outer: Level | undefined,
  earlier: readonly Condition[],
  question: Condition,
  known: Knowledge,
): Level {
  const asked = [...earlier.map(negate), question];
  const values = asked.map((condition) => evaluate(condition, known));
  const undecided = asked.filter((_, index) => values[index] === undefined);
  return {
    earlier: [...earlier, question],
    conditions: [...(outer?.conditions ?? []), ...undecided],
    dead: outer?.dead === true || values.includes(false),
  };
}

function unbalanced(message: string, file: string | undefined): KelpError {
  return new KelpError('source/truncated', message, { file });
}
