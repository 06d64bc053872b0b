import {
  parseLivepatchSectionName,
  parseLivepatchSymbolName,
  relocationRule,
  symbolValue,
  type LivepatchSymbolName,
  type RelocationRule,
} from '@kelp/core';
import type { Protection } from './layout.ts';
import type { LoadedModule } from './load.ts';
import { linkedRelocation, reach, relocatedSection } from './relocate.ts';

/** A livepatch relocation of a module, at its place in memory. */
export interface LateRecord {
  /** Of the field. */
  readonly address: bigint;
  /** Bytes from there on that applying it may change. */
  readonly reach: number;
  /** How the memory at the place is protected; undefined for memory that is freed after init. */
  readonly protection: Protection | undefined;
  /** What its symbol names; undefined where the kernel cannot read the name. Untrusted. */
  readonly symbol: LivepatchSymbolName | undefined;
  /** The address of the symbol that the bytes at the place were computed with; undefined where they do not tell it. */
  value(bytes: Uint8Array): bigint | undefined;
}

/** What is no plain store may change the next instruction, too. */
function reachOf(rule: RelocationRule | undefined): number {
  const isPlain = rule?.verdict === 'applied' && rule.steps.every(({ kind }) => kind !== 'special');
  return isPlain ? rule.field.size : reach;
}

/** The livepatch relocations of an object, in the order of their sections. */
export function lateRecords(
  { image, relocation: context }: LoadedModule,
  object: string,
): readonly LateRecord[] {
  if (context === undefined) return [];
  const {
    architecture,
    image: { kernel },
  } = context;
  return image.object.sections.flatMap((section): readonly LateRecord[] => {
    if (!section.isLivepatchRelocation || parseLivepatchSectionName(section.name)?.object !== object)
      return [];
    const relocated = relocatedSection(context, section, '');
    if (relocated === undefined) return [];
    return Array.from({ length: relocated.records.count }, (_, index): LateRecord => {
      const { S, A, P, type, symbol } = linkedRelocation(context, relocated, index);
      const row = architecture.relocationType(type);
      const rule = row === undefined ? undefined : relocationRule(row, kernel);
      const name = symbol === 0 ? '' : (relocated.symbols?.name(symbol) ?? '');
      const { byteOrder } = architecture.elf;
      return {
        address: P,
        reach: reachOf(rule),
        protection: image.protection(P),
        symbol: parseLivepatchSymbolName(name),
        value: (bytes) =>
          rule === undefined
            ? undefined
            : symbolValue(
                rule,
                { bytes, offset: 0, letters: { S, A, P }, symbol: { name, external: true }, byteOrder },
                architecture.linkage,
              ),
      };
    });
  });
}
