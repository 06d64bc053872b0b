import type { ConditionalToken } from '../c/preprocess.ts';
import type { Statement } from '../c/statements.ts';
import { evaluateTest, type Constants } from './constants.ts';

type Tokens = readonly ConditionalToken[];

/** Code that constants leave without effect. */
interface DeadCode {
  /** `branch` never runs; `test` always has the same result; `constant` is a variable that never changes. */
  readonly kind: 'branch' | 'test' | 'constant';
  readonly tokens: Tokens;
  /** What is constant, in the words of the source. */
  readonly what: string;
}

/** A function body under constants. */
export interface BodyAnalysis {
  readonly dead: readonly DeadCode[];
  /** What remains. */
  readonly live: readonly ConditionalToken[];
}

const words = (tokens: Tokens): string => tokens.map(({ text }) => text).join(' ');

/** Tell the code of a function body that never runs, or decides nothing, from the rest. */
export function analyzeBody(statements: readonly Statement[], constants: Constants): BodyAnalysis {
  const walker = new Walker(constants);
  walker.list(statements);
  return { dead: walker.dead, live: walker.live };
}

class Walker {
  readonly dead: DeadCode[] = [];
  readonly live: ConditionalToken[] = [];
  readonly #constants: Constants;

  constructor(constants: Constants) {
    this.#constants = constants;
  }

  /** Statements in order; true where the end is not reached. */
  list(statements: readonly Statement[]): boolean {
    for (const [at, statement] of statements.entries()) {
      const { ends, because } = this.#statement(statement);
      // A label may be reached from elsewhere.
      const label = statements.findIndex((one, index) => index > at && one.kind === 'label');
      const rest = statements.slice(at + 1, label < 0 ? statements.length : label);
      if (because !== undefined && ends && rest.length > 0) {
        this.dead.push({ kind: 'branch', tokens: rest.flatMap(({ tokens }) => tokens), what: because });
        return label < 0 ? true : this.list(statements.slice(label));
      }
      if (ends && label < 0) {
        this.live.push(...rest.flatMap(({ tokens }) => tokens));
        return true;
      }
    }
    return false;
  }

  /** Whether a statement never goes on, and the constant because of which it does not. */
  #statement(statement: Statement): { readonly ends: boolean; readonly because?: string } {
    switch (statement.kind) {
      case 'if':
        return this.#conditional(statement);
      case 'block':
        return { ends: this.list(statement.statements) };
      case 'loop':
        this.live.push(...statement.head);
        this.#statement(statement.body);
        return { ends: false };
      case 'jump':
        this.live.push(...statement.tokens);
        return { ends: true };
      case 'label':
        return { ends: false };
      case 'simple':
        this.#simple(statement.tokens);
        return { ends: false };
    }
  }

  #conditional(statement: Extract<Statement, { kind: 'if' }>): {
    readonly ends: boolean;
    readonly because?: string;
  } {
    const { value, parts } = evaluateTest(statement.test, this.#constants);
    const what = words(statement.test);
    if (value === true) {
      this.dead.push({ kind: 'test', tokens: statement.head, what });
      if (statement.otherwise !== undefined) {
        this.dead.push({ kind: 'branch', tokens: statement.otherwise.tokens, what });
      }
      const { ends } = this.#statement(statement.consequent);
      return { ends, because: what };
    }
    if (value === false) {
      const { otherwise } = statement;
      const end =
        otherwise === undefined ? statement.tokens.length : statement.tokens.length - otherwise.tokens.length;
      this.dead.push({ kind: 'branch', tokens: statement.tokens.slice(0, end), what });
      return otherwise === undefined ? { ends: false } : this.#statement(otherwise.statement);
    }
    for (const part of parts) this.dead.push({ kind: 'test', tokens: part.tokens, what: words(part.tokens) });
    const constant = new Set(parts.flatMap(({ tokens }) => tokens));
    this.live.push(...statement.head.filter((token) => !constant.has(token)));
    const then = this.#statement(statement.consequent);
    const other =
      statement.otherwise === undefined ? undefined : this.#statement(statement.otherwise.statement);
    return { ends: then.ends && other?.ends === true };
  }

  /** A declaration or expression; `x ? a : b` with a constant x keeps one side. */
  #simple(tokens: Tokens): void {
    this.live.push(...tokens);
    const equals = tokens.findIndex(({ text }) => text === '=');
    const name = tokens[equals - 1]?.text;
    if (equals < 2 || name === undefined || this.#constants.names.get(name) === undefined) return;
    const { value } = evaluateTest(tokens.slice(equals + 1, -1), this.#constants);
    if (value !== undefined) this.dead.push({ kind: 'constant', tokens, what: name });
  }
}
