import {
  hasOption,
  lateStore,
  parseLivepatchSymbolName,
  symbolNameLimitOf,
  vmlinuxObject,
  type Architecture,
  type Errno,
  type Kernel,
  type LivepatchSymbolName,
} from '@kelp/core';
import { SHN_LIVEPATCH, type RelocationTable, type SymbolTable } from '@kelp/core/elf';

/**
 * Addresses of all symbols of a name in an object, `vmlinux` or a module, in the order that positions count: by address
 * in vmlinux, as in the symbol table in a module. None where the object is not loaded.
 */
export type LivepatchSymbols = (object: string, name: string) => readonly bigint[];

/** Why klp_resolve_symbols() fails: nothing of the section has been written then. */
export interface UnresolvedSymbol {
  readonly errno: Errno;
  readonly reason: string;
  /** What the kernel's log says. */
  readonly message: string;
  /** Index of the record. */
  readonly record: number;
  /** Untrusted. */
  readonly symbol: string;
}

/** Whether a kernel can have livepatches: the architecture stores late, and LIVEPATCH is not known to be off. */
export function hasLivepatch({ livepatch }: Architecture, kernel: Kernel): boolean {
  if (kernel.configuration !== undefined && !hasOption(kernel, 'LIVEPATCH')) return false;
  return livepatch !== undefined && lateStore(livepatch, kernel, 0) !== undefined;
}

/**
 * klp_resolve_symbols(): give the symbols that the records of a section name their values. It comes before every
 * application of the section, and finds the first record at fault in the order of the records.
 *
 * @param sectionObject - the object in the name of the section.
 * @param order - of the records; absent: as in the file.
 * @param values - of the symbols, by index; changed up to the record at fault.
 */
export function resolveLivepatchSymbols(
  records: RelocationTable,
  order: Uint32Array | undefined,
  table: SymbolTable | undefined,
  sectionObject: string,
  kernel: Kernel,
  lookUp: LivepatchSymbols,
  values: BigUint64Array,
): UnresolvedSymbol | undefined {
  const limit = symbolNameLimitOf(kernel);
  for (let position = 0; position < records.count; position++) {
    const record = order?.[position] ?? position;
    const index = records.symbol(record);
    const symbol = index === 0 || table === undefined ? '' : table.name(index);
    const fail = (reason: string, message: string): UnresolvedSymbol => ({
      errno: 'EINVAL',
      reason,
      message,
      record,
      symbol,
    });
    if (table?.rawSectionIndex(index) !== SHN_LIVEPATCH)
      return fail(
        'the symbol is not marked as a livepatch symbol',
        `symbol ${symbol} is not marked as a livepatch symbol`,
      );
    const parsed = parseLivepatchSymbolName(symbol, limit);
    if (parsed === undefined)
      return fail(
        'the symbol has an incorrectly formatted name',
        `symbol ${symbol} has an incorrectly formatted name`,
      );
    if (sectionObject !== vmlinuxObject && parsed.object === vmlinuxObject)
      return fail(
        'a section of a module may not use symbols of vmlinux',
        `invalid access to vmlinux symbol '${parsed.name}' from module-specific livepatch relocation section`,
      );
    const found = selectLivepatchSymbol(lookUp, parsed);
    if (typeof found !== 'bigint') return fail(found.reason, found.message);
    values[index] = found;
  }
  return undefined;
}

/** Why klp_find_object_symbol() finds nothing: in words, and as the kernel's log says it. */
export interface MissingSymbol {
  readonly reason: string;
  readonly message: string;
}

/** klp_find_object_symbol(): the n-th match, or for position 0 the only one; an address of 0 counts as none. */
export function selectLivepatchSymbol(
  lookUp: LivepatchSymbols,
  { object, name, position }: LivepatchSymbolName,
): MissingSymbol | bigint {
  const matches = lookUp(object, name);
  const index = position === 0n ? Math.min(matches.length, 2) : Math.min(matches.length, Number(position));
  const last = matches[index - 1] ?? 0n;
  if (last === 0n) {
    return {
      reason: 'no symbol of this name is in the object',
      message: `symbol '${name}' not found in symbol table`,
    };
  }
  if (position === 0n && index > 1) {
    return {
      reason: 'several symbols have this name, and the position is 0',
      message: `unresolvable ambiguity for symbol '${name}' in object '${object === vmlinuxObject ? '(null)' : object}'`,
    };
  }
  if (position !== 0n && BigInt(index) !== position) {
    return {
      reason: `the object has no symbol number ${position} of this name`,
      message: `symbol position ${position} for symbol '${name}' in object '${object}' not found`,
    };
  }
  return last;
}
