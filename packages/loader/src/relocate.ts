import {
  applyRelocation,
  relocationRule,
  type Architecture,
  type Letters,
  type Linker,
  type RelocationRule,
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
  for (const section of object.sections) {
    if (section.type !== SHT_RELA || section.isLivepatchRelocation) continue;
    const address = places.get(section.info);
    const records = address === undefined ? undefined : object.relocations(section);
    if (records === undefined || address === undefined) continue;
    const refusal = relocateSection(context, section, { records, symbols, address });
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** What all records of one section share. */
interface RelocatedSection {
  readonly records: RelocationTable;
  readonly symbols: SymbolTable | undefined;
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
  { records, symbols, address }: RelocatedSection,
  rule: RelocationRule | undefined,
  index: number,
): Refused | undefined {
  if (rule === undefined)
    return { errno: 'ENOEXEC', reason: `relocation type ${records.type(index)} is not accepted` };
  if (rule.verdict === 'ignored') return undefined;
  if (rule.verdict === 'refused')
    return { errno: rule.errno, reason: `relocation type ${records.type(index)} is refused` };
  const number = records.symbol(index);
  const external = symbols?.isExternal(number) ?? false;
  const symbol = { name: external ? (symbols?.name(number) ?? '') : '', external };
  const plain: Letters = {
    S: values[number] ?? 0n,
    A: records.addend(index),
    P: address + BigInt(records.offset(index)),
  };
  const linked = linker?.letters({
    ...plain,
    type: records.type(index),
    symbol: number,
    symbolName: symbol.name,
    external,
    other: symbols?.other(number) ?? 0,
  });
  if (linked?.kind === 'refused') return linked;
  if (linked?.kind === 'written') return undefined;
  const letters: Letters = linked === undefined ? plain : { ...plain, ...linked.letters };
  return image.change(plain.P, reach, 'relocation', (bytes, offset) => {
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
