import type { ConditionalToken } from '../c/preprocess.ts';
import type { Statement } from '../c/statements.ts';

type Tokens = readonly ConditionalToken[];

/**
 * What goes with a call: its statement, the test of its result that follows, and the `if` around them where it holds
 * nothing else.
 */
export function callSite(statements: readonly Statement[], call: ConditionalToken): Tokens {
  for (const [at, statement] of statements.entries()) {
    if (!statement.tokens.includes(call)) continue;
    if (statement.kind === 'if' && !statement.head.includes(call)) return siteInIf(statement, call);
    if (statement.kind === 'block') return callSite(statement.statements, call);
    if (statement.kind === 'loop' && !statement.head.includes(call)) return siteIn(statement.body, call);
    return [...statement.tokens, ...testOfResult(statement, statements[at + 1])];
  }
  return [call];
}

function siteIn(statement: Statement, call: ConditionalToken): Tokens {
  return callSite(statement.kind === 'block' ? statement.statements : [statement], call);
}

function siteInIf(statement: Extract<Statement, { kind: 'if' }>, call: ConditionalToken): Tokens {
  const { consequent, otherwise } = statement;
  const holder = consequent.tokens.includes(call) ? consequent : (otherwise?.statement ?? consequent);
  const site = siteIn(holder, call);
  const inner = holder.kind === 'block' ? holder.statements.flatMap(({ tokens }) => tokens) : holder.tokens;
  const all = inner.every((token) => site.includes(token));
  return all && otherwise === undefined ? statement.tokens : site;
}

/** `if (err) ...` behind `err = call()`. */
function testOfResult(statement: Statement, next: Statement | undefined): Tokens {
  const [result, equals] = statement.tokens;
  if (equals?.text !== '=' || next?.kind !== 'if' || next.test[0]?.text !== result?.text) return [];
  return next.tokens;
}
