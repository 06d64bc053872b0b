import {
  applyRelocation,
  relocationRule,
  type Architecture,
  type Letters,
  type Linker,
  type RelocationRule,
  type RelocationSymbol,
} from '@kelp/core';
import { SHT_RELA, type RelocationTable, type Section, type SymbolTable } from '@kelp/core/elf';
import type { LoadedImage } from './image.ts';
import type { LoadRefusal } from './load.ts';

/** What relocating needs beside the image. */
export interface RelocationContext {
  readonly image: LoadedImage;
  readonly architecture: Architecture;
  readonly linker: Linker | undefined;
  /** Values of symbols, by index. */
  readonly values: BigUint64Array;
  /** Order of the records by index of their section. */
  readonly order: ReadonlyMap<number, Uint32Array> | undefined;
}

/** Bytes from the place on that one relocation may change: a field, or an instruction and the next one. */
const reach = 8;

/**
 * apply_relocations(): sections in header order, records in the order of the linkage. Livepatch relocations are left
 * alone: they are applied when their object is there.
 *
 * @returns what the kernel refuses the module with; what was written before stays written.
 */
export function relocate(context: RelocationContext): LoadRefusal | undefined {
  const { object, sections } = context.image;
  const places = new Map(sections.map(({ index, address }) => [index, address]));
  const symbols = object.symbols();
  const external = new Map<number, RelocationSymbol>();
  for (const section of object.sections) {
    if (section.type !== SHT_RELA || section.isLivepatchRelocation) continue;
    const address = places.get(section.info);
    const records = address === undefined ? undefined : object.relocations(section);
    if (records === undefined || address === undefined) continue;
    const refusal = relocateSection(context, section, { records, symbols, external, address });
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** What all records of one section share. */
interface RelocatedSection {
  readonly records: RelocationTable;
  readonly symbols: SymbolTable | undefined;
  /** The undefined symbols of the module that a relocation has named so far, by index: each is named many times. */
  readonly external: Map<number, RelocationSymbol>;
  /** Where the section stands that they change. */
  readonly address: bigint;
}

function relocateSection(
  context: RelocationContext,
  section: Section,
  relocated: RelocatedSection,
): LoadRefusal | undefined {
  const { records } = relocated;
  const rules = new Map<number, RelocationRule | undefined>();
  const order = context.order?.get(section.index);
  for (let position = 0; position < records.count; position++) {
    const index = order?.[position] ?? position;
    const number = records.type(index);
    if (!rules.has(number)) {
      const type = context.architecture.relocationType(number);
      rules.set(number, type === undefined ? undefined : relocationRule(type, context.image.kernel));
    }
    const refusal = relocateOne(context, relocated, rules.get(number), index);
    if (refusal !== undefined) {
      const target = context.image.object.sections[section.info];
      return { phase: 'relocate', section: target?.name ?? '', offset: records.offset(index), ...refusal };
    }
  }
  return undefined;
}

type Refused = Pick<LoadRefusal, 'errno' | 'reason'>;

function relocateOne(
  { image, architecture, linker, values }: RelocationContext,
  relocated: RelocatedSection,
  rule: RelocationRule | undefined,
  index: number,
): Refused | undefined {
  const { records, symbols, address } = relocated;
  if (rule === undefined)
    return { errno: 'ENOEXEC', reason: `relocation type ${records.type(index)} is not accepted` };
  if (rule.verdict === 'ignored') return undefined;
  if (rule.verdict === 'refused')
    return { errno: rule.errno, reason: `relocation type ${records.type(index)} is refused` };
  const number = records.symbol(index);
  const symbol = relocationSymbol(relocated, number);
  const S = values[number] ?? 0n;
  const A = records.addend(index);
  const P = address + BigInt(records.offset(index));
  const linked = linker?.letters({
    S,
    A,
    P,
    type: records.type(index),
    symbol: number,
    symbolName: symbol.name,
    external: symbol.external,
    other: symbols?.other(number) ?? 0,
  });
  if (linked?.kind === 'refused') return linked;
  if (linked?.kind === 'written') return undefined;
  // Much cheaper than spreading both, and there are millions.
  const letters: Letters = linked === undefined ? { S, A, P } : Object.assign({ S, A, P }, linked.letters);
  return image.change(P, reach, 'relocation', (bytes, offset) => {
    const outcome = applyRelocation(rule, {
      bytes,
      offset,
      letters,
      symbol,
      byteOrder: architecture.elf.byteOrder,
    });
    return outcome.status === 'refused' ? { errno: outcome.errno, reason: outcome.reason } : undefined;
  });
}

/** Symbols of the module itself need no name: nothing looks at it. */
const internal: RelocationSymbol = { name: '', external: false };

function relocationSymbol({ symbols, external }: RelocatedSection, number: number): RelocationSymbol {
  if (symbols?.isExternal(number) !== true) return internal;
  const known = external.get(number);
  if (known !== undefined) return known;
  const symbol = { name: symbols.name(number), external: true };
  external.set(number, symbol);
  return symbol;
}
