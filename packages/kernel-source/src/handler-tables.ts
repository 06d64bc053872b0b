import { type CFunction, closing } from './c/functions.ts';
import type { ConditionalToken } from './c/preprocess.ts';
import { findSwitches, type CaseEffect, type CaseLabel } from './c/switches.ts';

/** `[NAME] = handler` or `[NAME ... LAST] = handler` in a table of functions. */
export interface TableEntry {
  readonly label: CaseLabel;
  readonly handler: string;
}

/** Tables of functions at file level by name: `static handler_t NAME[] = { [R_X] = handler, ... };`. */
export function findHandlerTables(
  tokens: readonly ConditionalToken[],
): ReadonlyMap<string, readonly TableEntry[]> {
  const tables = new Map<string, readonly TableEntry[]>();
  for (const [at, token] of tokens.entries()) {
    const opens = token.kind === 'word' && tokens[at + 1]?.text === '[';
    const equals = opens ? closing(tokens, at + 1) + 1 : 0;
    if (!opens || tokens[equals]?.text !== '=' || tokens[equals + 1]?.text !== '{') continue;
    const end = closing(tokens, equals + 1);
    const entries = end < 0 ? [] : entriesOf(tokens.slice(equals + 2, end));
    if (entries.length > 0) tables.set(token.text, entries);
  }
  return tables;
}

function entriesOf(tokens: readonly ConditionalToken[]): readonly TableEntry[] {
  return tokens.flatMap((token, at) => {
    if (token.text !== '[') return [];
    const close = closing(tokens, at);
    const index = tokens.slice(at + 1, close);
    const handler = tokens[close + 2];
    if (close < 0 || tokens[close + 1]?.text !== '=' || handler?.kind !== 'word') return [];
    const [first, dots, last] = index;
    const range = index.length === 3 && dots?.text === '...' ? last?.text : undefined;
    const name = index.length === 1 || range !== undefined ? first?.text : undefined;
    const { line, conditions } = token;
    const label = { name, line, conditions, ...(range === undefined ? {} : { last: range }) };
    return [{ label, handler: handler.text }];
  });
}

/**
 * What a handler does with a type: `stops` where all that it does besides messages is to return an error, or where it has a
 * switch over types that refuses this one; `nothing` where it returns success at once.
 *
 * @param isOver - whether a name is that of a relocation type, and of the one that is asked for.
 */
export function handlerEffect(
  { body }: CFunction,
  isType: (name: string) => boolean,
  isThis: (label: CaseLabel) => boolean,
): CaseEffect {
  const texts = withoutMessages(body).map(({ text }) => text);
  if (texts[0] === 'return' && texts[1] === '-') return 'stops';
  if (texts.join(' ') === 'return 0 ;') return 'nothing';
  for (const groups of findSwitches(body)) {
    const labels = groups.flatMap((group) => group.labels);
    if (!labels.some(({ name }) => name !== undefined && isType(name)) || labels.some(isThis)) continue;
    const rest = groups.find(({ isDefault }) => isDefault)?.statements ?? [];
    if (rest.some(({ text }, at) => text === 'return' && rest[at + 1]?.text === '-')) return 'stops';
  }
  return 'acts';
}

/** Leave out statements that only print, `pr_err(...);`. */
function withoutMessages(body: readonly ConditionalToken[]): readonly ConditionalToken[] {
  const kept: ConditionalToken[] = [];
  for (let at = 0; at < body.length; at++) {
    const token = body[at];
    if (token === undefined) break;
    if (/^pr_\w+$/u.test(token.text) && body[at + 1]?.text === '(') at = closing(body, at + 1) + 1;
    else kept.push(token);
  }
  return kept;
}
