import { describeCondition, type Condition } from './condition.ts';
import type { ConditionalToken } from './preprocess.ts';

/** A function that a file defines. */
export interface CFunction {
  readonly name: string;
  /** First line of its declaration. */
  readonly line: number;
  readonly endLine: number;
  /** What stands before the name: return type, `static`, attributes. */
  readonly before: readonly ConditionalToken[];
  /** What stands between the parentheses. */
  readonly parameters: readonly ConditionalToken[];
  /** What stands between the braces. */
  readonly body: readonly ConditionalToken[];
  /** Undecided conditions under which it is compiled. */
  readonly conditions: readonly Condition[];
}

/** Something in a source file that could not be read. */
export interface Unread {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** The functions of a file, and what in it could not be read. */
export interface Functions {
  readonly functions: readonly CFunction[];
  readonly unread: readonly { readonly line: number; readonly what: string }[];
}

/** Index of the bracket that closes the one at `open`, or -1. Brackets of other kinds are not looked at. */
export function closing(tokens: readonly ConditionalToken[], open: number): number {
  const opener = tokens[open]?.text;
  const closer = opener === '(' ? ')' : opener === '{' ? '}' : ']';
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.kind !== 'operator') continue;
    if (token.text === opener) depth++;
    else if (token.text === closer && --depth === 0) return at;
  }
  return -1;
}

/** Words before a `(` at file level that make no function of it. */
const noFunction = new Set([
  'if',
  'while',
  'for',
  'switch',
  'return',
  'sizeof',
  '__attribute__',
  '__aligned',
]);

/**
 * Find the functions that preprocessed tokens define: at file level a name, parentheses, a brace. What a macro alone
 * defines, as in `SYSCALL_DEFINE2(name, ...) {`, is called as its first argument is. A brace that does not close within its function, which `#if` can do, makes it unread.
 */
export function findFunctions(tokens: readonly ConditionalToken[]): Functions {
  const functions: CFunction[] = [];
  const unread: { readonly line: number; readonly what: string }[] = [];
  let start = 0;
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.kind === 'directive' || token.text === ';') {
      start = ++at;
      continue;
    }
    if (token.kind === 'operator' && (token.text === '(' || token.text === '[')) {
      const end = closing(tokens, at);
      const found = token.text === '(' ? functionAt(tokens, start, at, end) : undefined;
      if (found === 'unclosed') {
        unread.push({ line: token.line, what: `${tokens[at - 1]?.text}() does not close its braces` });
        at = start = nextTopLevel(tokens, at);
      } else if (found === undefined) at = end < 0 ? tokens.length : end + 1;
      else {
        functions.push(found.function);
        at = start = found.next;
      }
      continue;
    }
    if (token.kind === 'operator' && token.text === '{') {
      const end = closing(tokens, at);
      if (end < 0) unread.push({ line: token.line, what: 'a brace at file level is not closed' });
      at = end < 0 ? nextTopLevel(tokens, at) : end + 1;
      // `struct a { ... } x;` goes on, a macro with a block does not.
      if (tokens[at]?.column === 1) start = at;
      continue;
    }
    at++;
  }
  return { functions, unread };
}

/** The token after the next closing brace in the first column, where the kernel's style ends a function. */
function nextTopLevel(tokens: readonly ConditionalToken[], from: number): number {
  const brace = tokens.findIndex((token, at) => at > from && token.text === '}' && token.column === 1);
  return brace < 0 ? tokens.length : brace + 1;
}

function functionAt(
  tokens: readonly ConditionalToken[],
  start: number,
  open: number,
  close: number,
): { readonly function: CFunction; readonly next: number } | 'unclosed' | undefined {
  const name = tokens[open - 1];
  if (close < 0 || name?.kind !== 'word' || noFunction.has(name.text)) return undefined;
  if (tokens.slice(start, open).some(({ text }) => text === '=' || text === 'typedef')) return undefined;
  // Attributes may stand between the parameters and the body.
  let body = close + 1;
  while (tokens[body]?.kind === 'word') {
    body++;
    if (tokens[body]?.text === '(') body = closing(tokens, body) + 1;
    if (body === 0) return undefined;
  }
  if (tokens[body]?.text !== '{') return undefined;
  const named = start === open - 1 ? tokens[open + 1] : name;
  if (named?.kind !== 'word') return undefined;
  const end = closing(tokens, body);
  const last = tokens[end];
  const first = tokens[start];
  if (last === undefined || first === undefined) return 'unclosed';
  // A body on lines of its own ends in the first column: anything else closed a brace that it did not open.
  if (last.line !== tokens[body]?.line && last.column !== 1) return 'unclosed';
  return {
    next: end + 1,
    function: {
      name: named.text,
      line: first.line,
      endLine: last.line,
      before: tokens.slice(start, open - 1),
      parameters: tokens.slice(open + 1, close),
      body: tokens.slice(body + 1, end),
      conditions: first.conditions,
    },
  };
}

/** Words for conditions: empty where there are none. */
export function describeConditions(conditions: readonly Condition[]): string {
  return conditions.map(describeCondition).join(' && ');
}

/** The same without repetitions. */
export function distinct(unread: readonly Unread[]): readonly Unread[] {
  const seen = new Map(unread.map((one) => [`${one.file}:${one.line}: ${one.what}`, one]));
  return [...seen.values()];
}
