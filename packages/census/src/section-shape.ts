import type { EntryLayout } from '@kelp/core';
import type { ObjectFile, RelocationTable, Section } from '@kelp/core/elf';
import type { ObjectSymbols } from './object-symbols.ts';

/** What a pointer leads to: executable, read-only or writable memory of the module, or another file. */
export const targetKinds = ['code', 'readOnly', 'writable', 'external'] as const;

type TargetKind = (typeof targetKinds)[number];

/** Sections that pointers lead to. */
export interface ShapeTarget {
  /** Empty for other files. Untrusted. */
  readonly section: string;
  readonly kind: TargetKind;
  /** Number of relocations. */
  readonly count: number;
}

/** A section as the file shows it, without any table's knowledge, with its relocations in columns. */
export interface SectionShape {
  /** Untrusted. */
  readonly section: string;
  readonly size: number;
  /** sh_type. */
  readonly type: number;
  /** sh_flags in hexadecimal: `0x2`. */
  readonly flags: string;
  /** sh_entsize; 2^53 - 1 for what no table has. */
  readonly entrySize: number;
  /** Offset of each relocation. */
  readonly offsets: Float64Array;
  /** Position in {@link targetKinds} of what each relocation leads to. */
  readonly kinds: Uint8Array;
  /** Relocations by the section that they lead to. */
  readonly targets: readonly ShapeTarget[];
  /** Size and fields of the layout by which a row counts its entries, where one does. */
  readonly layout: { readonly size: number; readonly fields: string } | undefined;
}

const writable = 1n;

/** The shape of an allocated section. */
export function sectionShape(
  object: ObjectFile,
  section: Section,
  relocations: RelocationTable | undefined,
  symbols: ObjectSymbols | undefined,
  layout: EntryLayout | undefined,
): SectionShape {
  const count = symbols === undefined ? 0 : (relocations?.count ?? 0);
  const offsets = new Float64Array(count);
  const kinds = new Uint8Array(count);
  const targets = new Map<Section | undefined, number>();
  for (let index = 0; index < count; index++) {
    if (relocations === undefined || symbols === undefined) break;
    offsets[index] = relocations.offset(index);
    const target = symbols.sectionOf(relocations.symbol(index));
    const found = target === undefined ? undefined : object.sections[target];
    kinds[index] = targetKinds.indexOf(kindOf(found));
    targets.set(found, (targets.get(found) ?? 0) + 1);
  }
  return {
    section: section.name,
    size: section.size,
    type: section.type,
    flags: `0x${section.flags.toString(16)}`,
    entrySize: Math.min(Number(section.entrySize), Number.MAX_SAFE_INTEGER),
    offsets,
    kinds,
    targets: [...targets].map(([found, uses]) => ({
      section: found?.name ?? '',
      kind: kindOf(found),
      count: uses,
    })),
    layout: layout === undefined ? undefined : { size: layout.size, fields: layoutText(layout) },
  };
}

function kindOf(target: Section | undefined): TargetKind {
  if (target === undefined) return 'external';
  if (target.isExecutable) return 'code';
  return (target.flags & writable) === 0n ? 'readOnly' : 'writable';
}

/** The fields of a layout in words: `0:4 insn pc-relative, 8:2 type signed`. */
function layoutText(layout: EntryLayout): string {
  return Object.entries(layout.fields)
    .map(([name, { offset, size, kind }]) => `${offset}:${size} ${name} ${kind}`)
    .join(', ');
}
