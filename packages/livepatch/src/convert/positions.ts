import type { LivepatchSymbolName } from '@kelp/core';
import type { SymbolList } from '../symbol-list.ts';

/**
 * What is wrong with a position, by the symbols of the kernel and its modules: position 0 says that the name is unique
 * in its object, n that it is the n-th (klp_find_object_symbol).
 *
 * @param first - how the annotations of the dialect count the first occurrence, for the advice.
 * @returns undefined where the position is right.
 */
export function wrongPosition(
  symbols: SymbolList,
  { object, name, position }: LivepatchSymbolName,
  first: 0 | 1,
): string | undefined {
  const count = symbols.count(object, name);
  if (count === 0) return `${object} has no symbol ${name}${elsewhere(symbols, name, first)}`;
  if (position === 0n)
    return count === 1
      ? undefined
      : `${object} has ${count} symbols ${name}: ${choices(symbols, name, first)}`;
  if (position <= BigInt(count)) return undefined;
  return `${object} has ${count} of ${name}, and no number ${position}`;
}

/** All objects that have a symbol, with the positions that can be annotated. */
export function choices(symbols: SymbolList, name: string, first: 0 | 1): string {
  return symbols
    .providers(name)
    .map(({ object, count }) => {
      const positions = count === 1 ? '0' : first === count ? '1' : `${first} to ${count - 1 + first}`;
      return `KLP_MODULE_RELOC(${object}) with KLP_SYMPOS(${name}, ${positions})`;
    })
    .join(', or ');
}

function elsewhere(symbols: SymbolList, name: string, first: 0 | 1): string {
  return symbols.providers(name).length === 0 ? '' : `; there is ${choices(symbols, name, first)}`;
}
