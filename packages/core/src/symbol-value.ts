import { extractValue, readContainer } from './field.ts';
import { compileFormula } from './formula.ts';
import type { Linkage } from './linkage.ts';
import type { RelocationInput } from './relocation.ts';
import type { RelocationRule } from './relocation-type.ts';

/** Fields of fewer bits hold too little of an address to tell it. */
const leastBits = 26;

/** Letters that need no linkage. */
const plainLetters: ReadonlySet<string> = new Set(['S', 'A', 'P']);

/**
 * The value S of the symbol that a relocation was applied with, from the field that it left. Undefined where the field
 * does not tell all of it: a page or a half of the address, an entry of the linkage, few bits. A branch is taken to be
 * a direct one: of one through a stub the address of the stub is told.
 *
 * @param input - the memory after applying; S of its letters is not looked at.
 */
export function symbolValue(
  rule: RelocationRule,
  input: RelocationInput,
  linkage?: Linkage,
): bigint | undefined {
  if (rule.verdict !== 'applied' || !rule.steps.some(({ kind }) => kind === 'write')) return undefined;
  const { formula, field } = rule;
  const { letters, bytes, offset } = input;
  const direct = formula.letters
    .filter((letter) => !plainLetters.has(letter))
    .map((letter) => ({ letter, text: linkage?.letters[letter]?.direct }));
  if (direct.some(({ text }) => text === undefined)) return undefined;
  const valueWith = (S: bigint): bigint => {
    const own = { ...letters, S };
    const others = direct.map(({ letter, text = '' }) => [letter, compileFormula(text).evaluate(own)]);
    return formula.evaluate({ ...own, ...Object.fromEntries(others) });
  };
  if (offset < 0 || offset + field.size > bytes.length) return undefined;
  const width = Math.max(...field.parts.map((part) => part.from + part.width)) + field.shift;
  const partial = field.parts.reduce((sum, part) => sum + part.width, field.shift) < width;
  if (partial || width < leastBits) return undefined;
  const container = readContainer(bytes, offset, field.size, field.byteOrder ?? input.byteOrder);
  const value = BigInt.asIntN(width, extractValue(field, container) << BigInt(field.shift));
  const symbol = BigInt.asUintN(64, value - valueWith(0n));
  // What a formula does to S beside adding it, such as taking its page, shows when it is computed again.
  const probes = [symbol, symbol ^ 0x5555n];
  const isLinear = probes.every((S) => BigInt.asIntN(64, valueWith(S) - value - (S - symbol)) === 0n);
  return isLinear ? symbol : undefined;
}
