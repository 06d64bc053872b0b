import { readFileSync } from 'node:fs';
import { parseKernel, requireArchitecture, writeContainer } from '@kelp/core';
import {
  findModinfoValue,
  parseObjectFile,
  rewriteObjectFile,
  SHF_ALLOC,
  SHF_INFO_LINK,
  SHF_WRITE,
  SHN_UNDEF,
  SHT_PROGBITS,
  SHT_RELA,
  STT_SECTION,
  type ObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
} from '@kelp/core/elf';
import {
  convertRelocations,
  livepatchRelocations,
  readLivepatch,
  SymbolList,
  type Conversion,
  type ConversionInput,
  type DialectName,
} from '@kelp/livepatch';
import { architectures } from '../../src/architectures.ts';
import { fixture } from '../run.ts';

/** Livepatches that the assembler and tools/fixtures/livepatch.py made: what conversion has to arrive at. */
export const livepatches = [
  'x86/livepatch-6.1',
  'x86/livepatch-7.3',
  'ppc64le/livepatch-6.1',
  'ppc64le/livepatch-7.3',
  's390x/livepatch-6.1',
  's390x/livepatch-7.3',
  'arm64/livepatch-7.3',
] as const;

/** What the kernel exports to the livepatches. */
const exported = ['seq_printf', '_printk', 'printk', 'klp_enable_patch', '__x86_return_thunk'];

/** Symbols of the objects that the livepatches patch: `state` comes twice in vmlinux, `next_state` twice in hello. */
export const symbols = new SymbolList(
  new Map([
    [
      'vmlinux',
      [
        'saved_command_line',
        'state',
        'proc_local_helper',
        'state',
        ...exported,
        ...exported.map((name) => `__ksymtab_${name}`),
      ],
    ],
    ['hello', ['next_state', 'users', 'events', 'state_names', 'next_state', 'stop']],
  ]),
);

/** The bytes of a fixture. */
export function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(fixture(`${name}.ko`)));
}

/** Architecture and kernel of a module, as its vermagic names it or as they are given. */
export function loadedBy(
  object: ObjectFile,
  release?: string,
): Pick<ConversionInput, 'architecture' | 'kernel'> {
  const vermagic = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic');
  return {
    architecture: requireArchitecture(object, architectures),
    kernel: parseKernel(release ?? vermagic?.split(' ', 1)[0] ?? '7.3.0'),
  };
}

/** Convert a module for the kernel that its vermagic names. */
export function convert(
  bytes: Uint8Array,
  options: Partial<Omit<ConversionInput, 'bytes'>> & { readonly release?: string } = {},
): Conversion {
  const { release, ...rest } = options;
  return convertRelocations({ bytes, ...loadedBy(parseObjectFile(bytes), release), ...rest });
}

/** The file that a conversion gave; findings that are errors end the test. */
export function converted(conversion: Conversion): Uint8Array {
  if (conversion.bytes === undefined)
    throw new Error(conversion.findings.map(({ message }) => message).join('; '));
  return conversion.bytes;
}

/** What livepatch applies and resolves in a file, with names for indices. */
export function livepatchContents(bytes: Uint8Array): unknown {
  const file = parseObjectFile(bytes);
  const table = file.symbols();
  return {
    symbols: readLivepatch(file)?.symbols.map(({ index, text, converted: isDone }) => [index, text, isDone]),
    records: livepatchRelocations(file)
      .map(({ section, object, target, records }) => ({
        object,
        target: target?.name,
        flags: section.flags,
        alignment: section.alignment,
        records: Array.from({ length: records.count }, (_, index) => [
          records.offset(index),
          records.type(index),
          table?.name(records.symbol(index)),
          records.addend(index),
        ]),
      }))
      .toSorted((a, b) => (`${a.object} ${a.target}` < `${b.object} ${b.target}` ? -1 : 1)),
  };
}

interface Marked {
  /** The object of the section. */
  readonly object: string;
  readonly target: number;
  readonly record: RelocationSpecification;
}

/**
 * A livepatch as it was before a tool converted it: its relocations are ordinary ones against undefined symbols, which
 * are marked as the dialect does it.
 */
export function unconverted(bytes: Uint8Array, dialect: DialectName): Uint8Array {
  const file = parseObjectFile(bytes);
  const found = livepatchRelocations(file);
  const marked = found.flatMap(({ object = '', target, records }): readonly Marked[] =>
    recordsOf(records).map((record) => ({ object, target: target?.index ?? 0, record })),
  );
  const plain = withoutLivepatch(
    bytes,
    file,
    found.map(({ section }) => section.index),
    marked,
    dialect,
  );
  if (dialect === 'minimal') return plain;
  return rewriteObjectFile(plain, {
    added: dialect === 'objtool' ? notes(plain, marked) : annotations(plain, bytes, dialect),
  });
}

function recordsOf(records: {
  readonly count: number;
  offset(index: number): number;
  type(index: number): number;
  symbol(index: number): number;
  addend(index: number): bigint;
}): readonly RelocationSpecification[] {
  return Array.from({ length: records.count }, (_, index) => ({
    offset: records.offset(index),
    type: records.type(index),
    symbol: records.symbol(index),
    addend: records.addend(index),
  }));
}

/** Move the records back, and give the symbols the names that the dialect has for them. */
function withoutLivepatch(
  bytes: Uint8Array,
  file: ObjectFile,
  sections: readonly number[],
  marked: readonly Marked[],
  dialect: DialectName,
): Uint8Array {
  const relocations = new Map<number, RelocationSpecification[]>();
  for (const { target, record } of marked) {
    const holder = file.sections.find(
      ({ type, info, isLivepatchRelocation }) =>
        type === SHT_RELA && info === target && !isLivepatchRelocation,
    );
    const table = holder === undefined ? undefined : file.relocations(holder);
    if (holder === undefined || table === undefined)
      throw new Error('the section has no ordinary relocations');
    const known = relocations.get(holder.index) ?? [...recordsOf(table)];
    relocations.set(holder.index, [...known, record]);
  }
  const objects = new Map(marked.map(({ object, record }) => [record.symbol, object]));
  const renamed = (readLivepatch(file)?.symbols ?? []).map(({ index, text, name }) => {
    if (name === undefined) throw new Error(`${text} is no name of a livepatch symbol`);
    const { object, name: symbol, position } = name;
    const names: Readonly<Record<DialectName, string>> = {
      2019: symbol,
      v7: symbol,
      minimal: `.klp.sym.rela.${objects.get(index)}.${object}.${symbol},${position}`,
      objtool: text,
    };
    return [index, { name: names[dialect], reserved: SHN_UNDEF }] as const;
  });
  const left = file.sections.filter(({ name }) => name.includes('__klp_relocs')).map(({ index }) => index);
  return rewriteObjectFile(bytes, {
    relocations,
    symbols: new Map(renamed),
    removed: new Set([...sections, ...left]),
  });
}

/** Relocation types that store an address, by e_machine. */
const addressTypes: ReadonlyMap<number, number> = new Map([
  [21, 38],
  [22, 22],
  [62, 1],
  [183, 257],
]);

/** KLP_MODULE_RELOC() for each object, with KLP_SYMPOS() for the symbols of which it has several. */
function annotations(
  plain: Uint8Array,
  original: Uint8Array,
  dialect: DialectName,
): readonly SectionSpecification[] {
  const file = parseObjectFile(plain);
  const objects = new Map<string, { readonly symbol: number; readonly position: bigint }[]>();
  for (const { index, name } of readLivepatch(parseObjectFile(original))?.symbols ?? []) {
    if (name === undefined || name.position === 0n) continue;
    const position = dialect === '2019' ? name.position - 1n : name.position;
    objects.set(name.object, [...(objects.get(name.object) ?? []), { symbol: index, position }]);
  }
  return [...objects].flatMap(([object, entries], place) => {
    const bytes = new Uint8Array(entries.length * 12);
    for (const [at, { position }] of entries.entries())
      writeContainer(bytes, at * 12 + 8, 4, file.byteOrder, position);
    return relocated(
      file,
      place,
      `.klp.module_relocs.${object}`,
      bytes,
      entries.map(({ symbol }, at) => ({ offset: at * 12, symbol, addend: 0n })),
    );
  });
}

/** `__klp_relocs.OBJECT` of objtool klp diff: place, symbol and type of each record. */
function notes(plain: Uint8Array, marked: readonly Marked[]): readonly SectionSpecification[] {
  const file = parseObjectFile(plain);
  const table = file.symbols();
  const sectionSymbol = (section: number): number => {
    for (let index = 1; index < (table?.count ?? 0); index++)
      if (table?.type(index) === STT_SECTION && table.sectionIndex(index) === section) return index;
    throw new Error('the section has no symbol');
  };
  const original = new Map(
    marked.map((one) => [one.object, marked.filter(({ object }) => object === one.object)]),
  );
  return [...original].flatMap(([object, entries], place) => {
    const bytes = new Uint8Array(entries.length * 24);
    for (const [at, { record }] of entries.entries())
      writeContainer(bytes, at * 24 + 16, 4, file.byteOrder, BigInt(record.type));
    const records = entries.flatMap(({ target, record }, at) => [
      { offset: at * 24, symbol: sectionSymbol(target), addend: BigInt(record.offset) },
      { offset: at * 24 + 8, symbol: record.symbol, addend: record.addend },
    ]);
    return relocated(file, place, `__klp_relocs.${object}`, bytes, records);
  });
}

/** A section to add, with the relocations that fill its addresses; `place` counts such pairs. */
function relocated(
  file: ObjectFile,
  place: number,
  name: string,
  bytes: Uint8Array,
  records: readonly Omit<RelocationSpecification, 'type'>[],
): readonly SectionSpecification[] {
  const type = addressTypes.get(file.machine) ?? 0;
  const info = file.sections.length + place * 2;
  return [
    { name, type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_WRITE, alignment: 4, bytes },
    {
      name: `.rela${name}`,
      type: SHT_RELA,
      flags: SHF_INFO_LINK,
      info,
      relocations: records.map((one) => ({ ...one, type })),
    },
  ];
}
