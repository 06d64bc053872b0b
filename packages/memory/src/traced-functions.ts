import type { SymbolicAddress } from './kernel-symbols.ts';
import { hex } from './memory-source.ts';
import type { VerifiedModule } from './verify.ts';

/** Names the place at an address of a module; undefined where no symbol of the module is there. */
export type SymbolAt = (module: string, address: bigint) => SymbolicAddress | undefined;

/** A function that somebody traces: what its entry calls. */
export interface TracedFunction {
  readonly module: string;
  /** Of the entry in the table of call sites. */
  readonly address: bigint;
  /** Untrusted; undefined where no symbol of the module is there. */
  readonly symbol: string | undefined;
  readonly tracer: string;
}

/** The functions of a module that memory shows to be traced. */
export function tracedFunctions(
  { name, inferences }: VerifiedModule,
  symbolAt: SymbolAt,
): readonly TracedFunction[] {
  return inferences
    .filter(({ kind, id }) => kind === 'ftrace' && id.startsWith('0x'))
    .map(({ id, answer }) => {
      const address = BigInt(id);
      return { module: name, address, symbol: symbolAt(name, address)?.symbol.name, tracer: answer };
    });
}

/** Most names of traced functions that are shown of a module and tracer; JSON has all. */
const shownFunctions = 8;

/** Rows by module and tracer: both, how many functions, their names. */
export function tracedRows(
  traced: readonly TracedFunction[],
): readonly { readonly cells: (number | string)[] }[] {
  const groups = new Map<string, TracedFunction[]>();
  for (const one of traced) {
    const key = `${one.module} ${one.tracer}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map((group) => {
    const names = group.map(({ symbol, address }) => symbol ?? hex(address));
    const more = names.length > shownFunctions ? ` and ${names.length - shownFunctions} more` : '';
    const [first] = group;
    return {
      cells: [
        first?.module ?? '',
        first?.tracer ?? '',
        group.length,
        `${names.slice(0, shownFunctions).join(', ')}${more}`,
      ],
    };
  });
}
