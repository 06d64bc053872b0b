import type { Architecture, Errno, ModuleImage } from '@kelp/core';
import { SHN_ABS, SHN_COMMON, SHN_LIVEPATCH, SHN_UNDEF, STB_WEAK, type SymbolTable } from '@kelp/core/elf';
import type { LoadInput } from './load.ts';

/** Values of all symbols of a module, by index. */
export interface ResolvedSymbols {
  readonly values: BigUint64Array;
  /** The first symbol for which the loader refuses the module. */
  readonly refused: { readonly symbol: string; readonly errno: Errno; readonly reason: string } | undefined;
}

/** simplify_symbols(): values of symbols once the sections have their addresses. */
export function resolveSymbols(
  image: ModuleImage,
  architecture: Architecture,
  input: LoadInput,
): ResolvedSymbols {
  const symbols = image.object.symbols();
  const values = new BigUint64Array(symbols?.count ?? 0);
  let refused: ResolvedSymbols['refused'];
  const addresses = new Map(image.sections.map(({ index, address }) => [index, address]));
  for (let index = 1; index < values.length; index++) {
    if (symbols === undefined) break;
    const value = valueOf(symbols, index, addresses, image, architecture, input);
    if (typeof value === 'bigint') values[index] = value;
    else refused ??= { symbol: symbols.name(index), ...value };
  }
  return { values, refused };
}

type Unresolved = { readonly errno: Errno; readonly reason: string };

function valueOf(
  symbols: SymbolTable,
  index: number,
  addresses: ReadonlyMap<number, bigint>,
  image: ModuleImage,
  architecture: Architecture,
  input: LoadInput,
): bigint | Unresolved {
  const raw = symbols.rawSectionIndex(index);
  const value = symbols.value(index);
  if (raw === SHN_ABS || raw === SHN_LIVEPATCH) return value;
  if (raw === SHN_COMMON) {
    return symbols.name(index).startsWith('__gnu_lto')
      ? value
      : { errno: 'ENOEXEC', reason: 'common symbols are not accepted' };
  }
  if (raw === SHN_UNDEF) return undefinedSymbol(symbols, index, image, architecture);
  const section = symbols.sectionIndex(index);
  if (section === undefined)
    return { errno: 'ENOEXEC', reason: `section index 0x${raw.toString(16)} is reserved` };
  if (image.object.sections[section]?.name === '.data..percpu') return (input.perCpuAddress ?? 0n) + value;
  // A section that is not laid out has its address in the temporary copy of the file; nothing that is kept uses it.
  return (addresses.get(section) ?? 0n) + value;
}

function undefinedSymbol(
  symbols: SymbolTable,
  index: number,
  image: ModuleImage,
  { linkage }: Architecture,
): bigint | Unresolved {
  const name = symbols.name(index);
  const rule = linkage?.symbolRule?.(name);
  // A letter's value is known to the linker only, which answers for it when a relocation asks.
  if (rule?.kind === 'keep' || rule?.kind === 'letter') return symbols.value(index);
  const address = image.externalSymbol(rule?.kind === 'lookup' ? rule.name : name);
  if (address !== undefined) return address;
  if (symbols.binding(index) === STB_WEAK) return symbols.value(index);
  return { errno: 'ENOENT', reason: 'no module and no kernel exports the symbol' };
}
