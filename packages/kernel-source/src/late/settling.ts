import type { Assumption } from './entry-points.ts';
import { nameOf, type Program } from './program.ts';
import { collectReferences, type ParameterConstants, type References } from './references.ts';

/** Longer than any chain of calls that hands a constant on. */
const mostPasses = 20;

/** Finds out what living code refers to when some functions are gone and some expressions decided. */
export class Settling {
  readonly #program: Program;
  readonly #elsewhere = new Map<string, boolean>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** What living code refers to, once constants have gone from function to function as far as they do. */
  settle(
    late: ReadonlySet<string>,
    assumed: readonly Assumption[],
  ): { readonly references: References; readonly parameters: ParameterConstants } {
    let parameters: ParameterConstants = new Map();
    let references = collectReferences(this.#program, late, parameters, assumed);
    for (let passes = 0; passes < mostPasses; passes++) {
      const next = this.#constantParameters(references, late);
      if (same(next, parameters)) break;
      parameters = next;
      references = collectReferences(this.#program, late, parameters, assumed);
    }
    return { references, parameters };
  }

  /** Whether a function is named at file level, as in a table or an export, or in other files of the tree. */
  isNamedElsewhere(key: string): boolean {
    const known = this.#elsewhere.get(key);
    if (known !== undefined) return known;
    const found = this.#findElsewhere(key);
    this.#elsewhere.set(key, found);
    return found;
  }

  #findElsewhere(key: string): boolean {
    const name = nameOf(key);
    const own = key.includes(' ') ? key.split(' ')[0] : undefined;
    const named = this.#program.files.some(
      (file) =>
        (own === undefined || file.path === own) &&
        this.#program
          .fileLevel(file)
          .some(({ text, kind }, at, all) => kind === 'word' && text === name && all[at + 1]?.text !== '('),
    );
    return named || this.#program.usedOutside(key) !== undefined;
  }

  /** Parameters for which every remaining call gives the same constant. */
  #constantParameters({ uses }: References, late: ReadonlySet<string>): ParameterConstants {
    const found = new Map<string, ReadonlyMap<string, string>>();
    for (const [key, [definition, ...others]] of this.#program.functions) {
      const calls = uses.get(key) ?? [];
      if (definition === undefined || others.length > 0 || late.has(key) || calls.length === 0) continue;
      if (calls.some((call) => call.arguments === undefined)) continue;
      const constants = definition.parameters.flatMap((name, at): readonly (readonly [string, string])[] => {
        const values = new Set(calls.map((call) => call.arguments?.[at]));
        const [value] = values;
        return values.size === 1 && value !== undefined ? [[name, value]] : [];
      });
      if (constants.length > 0 && !this.isNamedElsewhere(key)) found.set(key, new Map(constants));
    }
    return found;
  }
}

function same(a: ParameterConstants, b: ParameterConstants): boolean {
  const text = (one: ParameterConstants): string =>
    JSON.stringify([...one].map(([key, names]) => [key, ...names]));
  return text(a) === text(b);
}
