import { livepatchRelocationPrefix, type LivepatchSymbolName } from '@kelp/core';
import type { ObjectFile, SymbolTable } from '@kelp/core/elf';
import {
  ordinaryRecords,
  PlanBuilder,
  type ConversionPlan,
  type Dialect,
  type DialectInput,
} from './conversion-plan.ts';
import { wrongPosition } from './positions.ts';

/** Names of this form say everything: `.klp.sym.rela.PATCHED.PROVIDER.NAME,POSITION`. */
const markPrefix = '.klp.sym.rela.';

/**
 * The klp-convert of 2023 and 2024, which has no list: the name of a symbol tells the object that is patched, the one
 * that has the symbol, and the position. Since v3 a dot stands before the position, because older assemblers misread a
 * quoted comma; read from the end, such a name may have dots itself.
 */
export const minimalDialect: Dialect = {
  name: 'minimal',
  needsSymbols: false,
  plan,
  // The section's own dot is the one between object and section; a name without one gets it.
  sectionName: (object, target) =>
    `${livepatchRelocationPrefix}${object}${target.startsWith('.') ? '' : '.'}${target}`,
};

/** Whether a file marks symbols in this way. */
export function hasMarkedSymbols(file: ObjectFile): boolean {
  const table = file.symbols();
  for (let index = 1; index < (table?.count ?? 0); index++)
    if (table?.name(index).startsWith(markPrefix) === true) return true;
  return false;
}

interface MarkedSymbol extends LivepatchSymbolName {
  /** The object that is patched. Untrusted. */
  readonly patched: string;
}

function plan(input: DialectInput): ConversionPlan {
  const { file } = input;
  const builder = new PlanBuilder();
  const table = file.symbols();
  if (table === undefined) return builder;
  const marked = markedSymbols(table, input, builder);
  for (const [index, { object, name, position }] of marked)
    builder.symbols.set(index, { object, name, position });
  for (const { section, index, target, record } of ordinaryRecords(file, builder.removed)) {
    const symbol = marked.get(record.symbol);
    if (symbol === undefined || !target.isAllocated) continue;
    builder.take(section, index);
    builder.records.push({ object: symbol.patched, target, record });
  }
  return builder;
}

function markedSymbols(
  table: SymbolTable,
  { symbols }: DialectInput,
  builder: PlanBuilder,
): ReadonlyMap<number, MarkedSymbol> {
  const marked = new Map<number, MarkedSymbol>();
  for (let index = 1; index < table.count; index++) {
    const text = table.name(index);
    if (!text.startsWith(markPrefix)) continue;
    const symbol = parseMark(text.slice(markPrefix.length));
    const wrong =
      symbol === undefined || symbols === undefined ? undefined : wrongPosition(symbols, symbol, 1);
    if (symbol === undefined)
      builder.error('convert/symbol-name', `${text} is not ${markPrefix}PATCHED.PROVIDER.NAME,POSITION`);
    else if (wrong === undefined) marked.set(index, symbol);
    else builder.error('convert/wrong-position', wrong);
  }
  return marked;
}

function parseMark(text: string): MarkedSymbol | undefined {
  const [, patched = '', object = '', rest = ''] = /^([^.]+)\.([^.]+)\.(.+)$/su.exec(text) ?? [];
  const [, name = '', digits = ''] = /^([^,]+),(\d+)$/su.exec(rest) ?? /^([^,]+)\.(\d+)$/su.exec(rest) ?? [];
  return name === '' ? undefined : { patched, object, name, position: BigInt(digits) };
}
