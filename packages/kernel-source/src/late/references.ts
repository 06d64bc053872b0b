import type { ConditionalToken } from '../c/preprocess.ts';
import { closing } from '../c/functions.ts';
import { analyzeBody, type BodyAnalysis } from './dead-code.ts';
import { splitArguments, type Constants } from './constants.ts';
import type { Assumption } from './entry-points.ts';
import type { Program, ProgramFunction } from './program.ts';

/** A use of a function by another. */
interface Use {
  readonly by: ProgramFunction;
  readonly token: ConditionalToken;
  /** Constant arguments by position; absent: its address is taken. */
  readonly arguments?: readonly (string | undefined)[];
}

/** A use of a member. */
interface FieldUse {
  readonly by: ProgramFunction;
  readonly token: ConditionalToken;
  readonly writes: boolean;
}

/** What the living code of a program uses. */
export interface References {
  readonly uses: ReadonlyMap<string, readonly Use[]>;
  readonly fields: ReadonlyMap<string, readonly FieldUse[]>;
  readonly bodies: ReadonlyMap<ProgramFunction, BodyAnalysis>;
}

/** Constant parameters of functions: key to name to value. */
export type ParameterConstants = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Analyze all functions that are not late. */
export function collectReferences(
  program: Program,
  late: ReadonlySet<string>,
  parameters: ParameterConstants,
  assumptions: readonly Assumption[],
): References {
  const uses = new Map<string, Use[]>();
  const fields = new Map<string, FieldUse[]>();
  const bodies = new Map<ProgramFunction, BodyAnalysis>();
  const add = <T>(map: Map<string, T[]>, key: string, one: T): void => {
    const known = map.get(key);
    if (known === undefined) map.set(key, [one]);
    else known.push(one);
  };
  for (const [key, definitions] of program.functions) {
    if (late.has(key)) continue;
    for (const by of definitions) {
      const { constants, body } = analyze(by, parameters.get(key) ?? new Map(), assumptions);
      bodies.set(by, body);
      const tokens = by.definition.body;
      const positions = new Map(tokens.map((token, at) => [token, at]));
      for (const token of body.live) {
        if (token.kind !== 'word') continue;
        const at = positions.get(token) ?? 0;
        const before = tokens[at - 1]?.text;
        if (before === '->' || before === '.') {
          add(fields, token.text, { by, token, writes: tokens[at + 1]?.text === '=' });
          continue;
        }
        const target = program.resolve(token.text, by.file);
        if (target !== undefined) add(uses, target, useAt(by, tokens, at, token, constants));
      }
    }
  }
  return { uses, fields, bodies };
}

function useAt(
  by: ProgramFunction,
  tokens: readonly ConditionalToken[],
  at: number,
  token: ConditionalToken,
  constants: Constants,
): Use {
  if (tokens[at + 1]?.text !== '(') return { by, token };
  const given = splitArguments(tokens.slice(at + 2, closing(tokens, at + 1)));
  return { by, token, arguments: given.map((one) => constantOf(one, constants)) };
}

function constantOf(tokens: readonly ConditionalToken[], { names }: Constants): string | undefined {
  const [token] = tokens;
  if (tokens.length !== 1 || token === undefined) return undefined;
  const literal = token.kind === 'number' || ['true', 'false', 'NULL'].includes(token.text);
  return literal ? token.text : names.get(token.text);
}

/** A body under its constant parameters, and the variables that are constant because of them. */
function analyze(
  by: ProgramFunction,
  parameters: ReadonlyMap<string, string>,
  assumptions: readonly Assumption[],
): { readonly constants: Constants; readonly body: BodyAnalysis } {
  const { name } = by.definition;
  const expressions = assumptions
    .filter(
      ({ files, functions }) => files?.includes(by.file) !== false && functions?.includes(name) !== false,
    )
    .map(({ expression, value }) => ({ texts: expression.split(' '), value }));
  let names: ReadonlyMap<string, string> = parameters;
  let body = analyzeBody(by.statements, { names, expressions });
  for (let passes = 0; passes < 4; passes++) {
    const found = constantVariables(by, body, { names, expressions });
    if ([...found].every(([variable, value]) => names.get(variable) === value)) break;
    names = new Map([...names, ...found]);
    body = analyzeBody(by.statements, { names, expressions });
  }
  return { constants: { names, expressions }, body };
}

/** Variables that living code assigns once, a constant: `x = true`, `x = EXPRESSION` that is constant, `(*x)() = name`. */
function constantVariables(
  { definition }: ProgramFunction,
  body: BodyAnalysis,
  constants: Constants,
): ReadonlyMap<string, string> {
  const live = new Set([
    ...body.live,
    ...body.dead.filter(({ kind }) => kind === 'constant').flatMap(({ tokens }) => tokens),
  ]);
  const pointers = new Set<string>();
  const assigned = new Map<string, { readonly value: string | undefined; readonly live: boolean }[]>();
  for (const [at, token] of definition.body.entries()) {
    if (token.text !== '=') continue;
    const name = assignedName(definition.body, at);
    if (name === undefined) continue;
    const semicolon = definition.body.findIndex((one, index) => index > at && one.text === ';');
    const value = assignedValue(definition.body.slice(at + 1, semicolon), constants);
    assigned.set(name.text, [...(assigned.get(name.text) ?? []), { value, live: live.has(token) }]);
    if (name.pointer) pointers.add(name.text);
  }
  const found = new Map<string, string>();
  for (const [name, all] of assigned) {
    if (changesOtherwise(definition.body, name)) continue;
    const [only, ...more] = all.filter((one) => one.live);
    const decided = all.length > 1 || only?.value === 'true' || only?.value === 'false';
    // Another variable is no constant; a function that a pointer to a function takes is.
    const constant =
      only?.value !== undefined && (pointers.has(name) || /^(?:true|false|NULL|\d\w*)$/u.test(only.value));
    if (constant && only.value !== undefined && more.length === 0 && decided) found.set(name, only.value);
  }
  return found;
}

/** Whether a variable is changed by other means than `=`, or its address is taken. */
function changesOtherwise(tokens: readonly ConditionalToken[], name: string): boolean {
  return tokens.some(({ text }, at) => {
    if (text !== name) return false;
    const [before, after] = [tokens[at - 1]?.text ?? '', tokens[at + 1]?.text ?? ''];
    return (
      before === '&' || /^(?:\+\+|--)$/u.test(before) || /^(?:\+\+|--|(?:[-+*/%&|^]|<<|>>)=)$/u.test(after)
    );
  });
}

function assignedName(
  tokens: readonly ConditionalToken[],
  equals: number,
): { readonly text: string; readonly pointer: boolean } | undefined {
  const before = tokens[equals - 1];
  const member = ['->', '.', '*'].includes(tokens[equals - 2]?.text ?? '');
  if (before?.kind === 'word') return member ? undefined : { text: before.text, pointer: false };
  if (before?.text !== ')') return undefined;
  // void *(*name)(...) = value
  for (let at = equals - 1; at > 0 && tokens[at]?.text !== ';'; at--) {
    const name = tokens[at + 2];
    if (
      tokens[at]?.text === '(' &&
      tokens[at + 1]?.text === '*' &&
      tokens[at + 3]?.text === ')' &&
      name !== undefined
    ) {
      return { text: name.text, pointer: true };
    }
  }
  return undefined;
}

function assignedValue(
  tokens: readonly ConditionalToken[],
  { names, expressions }: Constants,
): string | undefined {
  const texts = tokens.map(({ text }) => text);
  const assumed = expressions.find((one) => one.texts.join(' ') === texts.join(' '));
  if (assumed !== undefined) return String(assumed.value);
  const [token] = tokens;
  if (tokens.length !== 1 || token === undefined) return undefined;
  return names.get(token.text) ?? (token.kind === 'word' || token.kind === 'number' ? token.text : undefined);
}
