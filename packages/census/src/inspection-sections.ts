import type { TableBlock } from '@kelp/report';
import type { Inspection } from './inspection.ts';

/** The section headers, with the words and letters that readelf uses. */
export function sectionTable({ sections }: Inspection): TableBlock {
  return {
    kind: 'table',
    columns: [
      { label: 'index' },
      { label: 'name' },
      { label: 'type' },
      { label: 'flags' },
      { label: 'bytes' },
      { label: 'offset', align: 'right' },
      { label: 'align' },
      { label: 'entry size' },
      { label: 'link' },
      { label: 'info' },
    ],
    rowHeader: 1,
    rows: sections.map(({ index, name, type, flags, bytes, offset, alignment, entrySize, link, info }) => ({
      cells: [
        index,
        { text: name, code: true },
        typeWord(type),
        flagLetters(BigInt(flags)),
        bytes,
        `0x${offset.toString(16)}`,
        alignment,
        entrySize,
        link,
        info,
      ],
    })),
  };
}

/** sh_type (gabi 4.3, "Sections"). */
const types: ReadonlyMap<number, string> = new Map([
  [0, 'NULL'],
  [1, 'PROGBITS'],
  [2, 'SYMTAB'],
  [3, 'STRTAB'],
  [4, 'RELA'],
  [5, 'HASH'],
  [6, 'DYNAMIC'],
  [7, 'NOTE'],
  [8, 'NOBITS'],
  [9, 'REL'],
  [11, 'DYNSYM'],
  [14, 'INIT_ARRAY'],
  [15, 'FINI_ARRAY'],
  [16, 'PREINIT_ARRAY'],
  [17, 'GROUP'],
  [18, 'SYMTAB_SHNDX'],
]);

function typeWord(type: number): string {
  return types.get(type) ?? `0x${type.toString(16)}`;
}

/** sh_flags (gabi 4.3, "Sections"). */
const letters: readonly (readonly [bit: bigint, letter: string])[] = [
  [0x1n, 'W'],
  [0x2n, 'A'],
  [0x4n, 'X'],
  [0x10n, 'M'],
  [0x20n, 'S'],
  [0x40n, 'I'],
  [0x80n, 'L'],
  [0x100n, 'O'],
  [0x200n, 'G'],
  [0x400n, 'T'],
  [0x800n, 'C'],
];

/** A letter for each flag; others, such as SHF_RELA_LIVEPATCH 0x100000, as a number. */
function flagLetters(flags: bigint): string {
  const known = letters.filter(([bit]) => (flags & bit) !== 0n);
  const rest = known.reduce((left, [bit]) => left & ~bit, flags);
  const words = [known.map(([, letter]) => letter).join(''), rest === 0n ? '' : `0x${rest.toString(16)}`];
  return words.filter((word) => word !== '').join(' ');
}
