import type { KnownSymbols } from './known-symbols.ts';
import { livepatchCore, type LintRule } from './rule.ts';

/** Why klp_find_object_symbol() does not find a symbol. */
export interface SymbolFault {
  readonly kind: 'ambiguous' | 'missing' | 'position';
  readonly message: string;
}

/** What rules about faults of klp_find_object_symbol() have in common. */
export const symbolLookup = {
  severity: 'error',
  moment: 'target',
  errno: 'EINVAL',
  advice:
    'Count with `kelp symbols`: in vmlinux by address, in a module in the order of its symbol table; 0 where the name is unique.',
  source: livepatchCore('klp_find_object_symbol'),
} satisfies Partial<LintRule>;

/** What the kernel says to a symbol; undefined where it finds it, and where nothing is known about the object. */
export function symbolFault(
  symbols: KnownSymbols,
  object: string,
  name: string,
  position: bigint,
): SymbolFault | undefined {
  const count = symbols.count(object, name)?.all;
  if (count === undefined) return undefined;
  if (count === 0) return { kind: 'missing', message: 'the object has no symbol of the name' };
  if (position === 0n && count > 1)
    return { kind: 'ambiguous', message: `the object has ${count} symbols of the name, and sympos is 0` };
  if (position > BigInt(count))
    return {
      kind: 'position',
      message: `sympos is ${position}, and the object has ${count} symbols of the name`,
    };
  return undefined;
}
