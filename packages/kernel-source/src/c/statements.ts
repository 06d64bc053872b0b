import { closing } from './functions.ts';
import type { ConditionalToken } from './preprocess.ts';

type Tokens = readonly ConditionalToken[];

/** A statement of a function body. */
export type Statement =
  | { readonly kind: 'block'; readonly tokens: Tokens; readonly statements: readonly Statement[] }
  | {
      readonly kind: 'if';
      readonly tokens: Tokens;
      /** From `if` to the closing parenthesis. */
      readonly head: Tokens;
      readonly test: Tokens;
      readonly consequent: Statement;
      /** From `else` on. */
      readonly otherwise?: { readonly tokens: Tokens; readonly statement: Statement };
    }
  /** Loops, switches and macros that loop: a head and a statement. */
  | { readonly kind: 'loop'; readonly tokens: Tokens; readonly head: Tokens; readonly body: Statement }
  | { readonly kind: 'label'; readonly tokens: Tokens }
  /** `return`, `goto`, `break`, `continue`. */
  | { readonly kind: 'jump'; readonly tokens: Tokens }
  /** Expressions and declarations. */
  | { readonly kind: 'simple'; readonly tokens: Tokens };

const jumps = new Set(['return', 'goto', 'break', 'continue']);

/** Split the tokens of a function body into statements. Whatever they hold, every token belongs to one of them. */
export function parseStatements(body: Tokens): readonly Statement[] {
  const tokens = body.filter(({ kind }) => kind !== 'directive');
  const statements: Statement[] = [];
  let at = 0;
  while (at < tokens.length) {
    const { statement, next } = parseAt(tokens, at);
    statements.push(statement);
    at = Math.max(next, at + 1);
  }
  return statements;
}

interface Parsed {
  readonly statement: Statement;
  readonly next: number;
}

function parseAt(tokens: Tokens, at: number): Parsed {
  const token = tokens[at];
  const text = token?.text ?? '';
  if (text === '{') return block(tokens, at);
  if (token?.kind === 'word') {
    if (text === 'if' && tokens[at + 1]?.text === '(') return conditional(tokens, at);
    if (text === 'do' || text === 'else') return loop(tokens, at, at);
    if (text === 'case' || text === 'default') return until(tokens, at, ':', 'label');
    if (tokens[at + 1]?.text === ':' && tokens[at + 2]?.text !== ':') {
      return { statement: { kind: 'label', tokens: tokens.slice(at, at + 2) }, next: at + 2 };
    }
    if (jumps.has(text)) return until(tokens, at, ';', 'jump');
    if (tokens[at + 1]?.text === '(') {
      const close = closing(tokens, at + 1);
      const behind = tokens[close + 1];
      // A macro that loops has its statement right behind its parentheses.
      const loops = behind !== undefined && close > 0 && (behind.text === '{' || behind.kind === 'word');
      if (loops && text !== 'return') return loop(tokens, at, close);
    }
  }
  return until(tokens, at, ';', 'simple');
}

function block(tokens: Tokens, at: number): Parsed {
  const close = closing(tokens, at);
  const end = close < 0 ? tokens.length - 1 : close;
  const inner = parseStatements(tokens.slice(at + 1, end));
  return {
    statement: { kind: 'block', tokens: tokens.slice(at, end + 1), statements: inner },
    next: end + 1,
  };
}

function conditional(tokens: Tokens, at: number): Parsed {
  const close = closing(tokens, at + 1);
  if (close < 0) return until(tokens, at, ';', 'simple');
  const then = parseAt(tokens, close + 1);
  const common = {
    kind: 'if',
    head: tokens.slice(at, close + 1),
    test: tokens.slice(at + 2, close),
  } as const;
  if (tokens[then.next]?.text !== 'else') {
    return {
      statement: { ...common, tokens: tokens.slice(at, then.next), consequent: then.statement },
      next: then.next,
    };
  }
  const other = parseAt(tokens, then.next + 1);
  const otherwise = { tokens: tokens.slice(then.next, other.next), statement: other.statement };
  return {
    statement: { ...common, tokens: tokens.slice(at, other.next), consequent: then.statement, otherwise },
    next: other.next,
  };
}

function loop(tokens: Tokens, at: number, headEnd: number): Parsed {
  const body = parseAt(tokens, headEnd + 1);
  let { next } = body;
  // do { } while (x);
  if (tokens[at]?.text === 'do' && tokens[next]?.text === 'while')
    next = until(tokens, next, ';', 'simple').next;
  const head = tokens.slice(at, headEnd + 1);
  return { statement: { kind: 'loop', tokens: tokens.slice(at, next), head, body: body.statement }, next };
}

/** A statement that ends in a punctuation mark outside of brackets. */
function until(tokens: Tokens, at: number, mark: ':' | ';', kind: 'jump' | 'label' | 'simple'): Parsed {
  let end = at;
  while (end < tokens.length && tokens[end]?.text !== mark) {
    const opens = tokens[end]?.kind === 'operator' && '([{'.includes(tokens[end]?.text ?? ' ');
    const close = opens ? closing(tokens, end) : end;
    end = (close < 0 ? tokens.length : close) + 1;
  }
  return { statement: { kind, tokens: tokens.slice(at, end + 1) }, next: end + 1 };
}
