import type { ByteOrder } from '@kelp/core';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_INFO_LINK,
  SHF_RELA_LIVEPATCH,
  SHF_WRITE,
  SHN_LIVEPATCH,
  SHN_UNDEF,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  STB_LOCAL,
  STT_FUNC,
  writeObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';

/** Machine, byte order and the type that stores an address, by architecture. */
const machines = {
  x86: { machine: 62, byteOrder: 'little', address: 1 },
  ppc64le: { machine: 21, byteOrder: 'little', address: 38 },
  s390x: { machine: 22, byteOrder: 'big', address: 22 },
  arm64: { machine: 183, byteOrder: 'little', address: 257 },
} as const satisfies Record<
  string,
  { readonly machine: number; readonly byteOrder: ByteOrder; readonly address: number }
>;

/** A relocation to write, with its symbol by name: a defined one, `.klp.sym...`, or somebody else's. */
interface NamedRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: string;
  readonly addend?: bigint;
}

/** A section to write, with its ordinary relocations. */
interface NamedSection extends Partial<SectionSpecification> {
  readonly name: string;
  readonly relocated?: readonly NamedRelocation[];
}

/** A livepatch to write. What is left out is sound. */
export interface LivepatchSpecification {
  readonly architecture?: keyof typeof machines;
  readonly modinfo?: string;
  readonly objects?: readonly {
    readonly name: string | undefined;
    readonly functions: readonly { readonly oldName: string; readonly position: bigint }[];
  }[];
  readonly objectSize?: number;
  readonly functionSize?: number;
  readonly sections?: readonly NamedSection[];
  /** Livepatch relocations; `target` is the name of a section. */
  readonly late?: readonly {
    readonly name: string;
    readonly target: string | number;
    readonly flags?: bigint;
    readonly type?: number;
    readonly records: readonly NamedRelocation[];
  }[];
  /** st_shndx of symbols that are not SHN_LIVEPATCH or SHN_UNDEF as their name says. */
  readonly reserved?: Readonly<Record<string, number>>;
  readonly structureSize?: number;
}

const encoder = new TextEncoder();

/** Data of a livepatch under construction: klp_patch, klp_objects, klp_funcs, and the strings they point to. */
class Structures {
  readonly data: Uint8Array;
  readonly relocations: NamedRelocation[] = [];
  strings = '';
  readonly functions: string[] = [];
  readonly #specification: LivepatchSpecification;

  constructor(specification: LivepatchSpecification, byteOrder: ByteOrder, address: number) {
    const { objects = [], objectSize = 112, functionSize = 152 } = specification;
    this.#specification = specification;
    const count = objects.reduce((sum, { functions }) => sum + functions.length + 1, 0);
    this.data = new Uint8Array(64 + (objects.length + 1) * objectSize + count * functionSize);
    const view = new DataView(this.data.buffer);
    const point = (offset: number, symbol: string, addend = 0): void => {
      this.relocations.push({ offset, type: address, symbol, addend: BigInt(addend) });
    };
    point(0, '__this_module');
    point(8, '.data', 64);
    let array = 64 + (objects.length + 1) * objectSize;
    for (const [index, { name, functions }] of objects.entries()) {
      const at = 64 + index * objectSize;
      if (name !== undefined) point(at, '.rodata.str1.1', this.#text(name));
      point(at + 8, '.data', array);
      for (const { oldName, position } of functions) {
        point(array, '.rodata.str1.1', this.#text(oldName));
        point(array + 8, `livepatch_${oldName}`);
        this.functions.push(`livepatch_${oldName}`);
        view.setBigUint64(array + 16, position, byteOrder === 'little');
        array += functionSize;
      }
      array += functionSize;
    }
  }

  #text(text: string): number {
    const offset = encoder.encode(this.strings).length;
    this.strings += `${text}\0`;
    return offset;
  }

  get sections(): readonly NamedSection[] {
    const { structureSize = 896, modinfo = 'name=patch\0livepatch=Y\0vermagic=7.3.0 SMP \0' } =
      this.#specification;
    return [
      { name: '.modinfo', flags: SHF_ALLOC, bytes: encoder.encode(modinfo) },
      { name: '.rodata.str1.1', flags: SHF_ALLOC, bytes: encoder.encode(this.strings) },
      {
        name: '.data',
        flags: SHF_ALLOC | SHF_WRITE,
        alignment: 32,
        bytes: this.data,
        relocated: this.relocations,
      },
      {
        name: '.gnu.linkonce.this_module',
        flags: SHF_ALLOC | SHF_WRITE,
        bytes: new Uint8Array(structureSize),
      },
    ];
  }
}

/** Write a livepatch with the ELF writer: `.text` with the replacements, data with its structures, what else is asked for. */
export function buildLivepatch(specification: LivepatchSpecification): Uint8Array {
  const { machine, byteOrder, address } = machines[specification.architecture ?? 'x86'];
  const structures = new Structures(specification, byteOrder, address);
  const own = specification.sections ?? [];
  const replaced = new Set(own.map(({ name }) => name));
  const text: NamedSection = {
    name: '.text',
    flags: SHF_ALLOC | SHF_EXECINSTR,
    alignment: 16,
    bytes: new Uint8Array(256),
  };
  const sections = [...[text, ...structures.sections].filter(({ name }) => !replaced.has(name)), ...own].map(
    (section): NamedSection => ({ flags: SHF_ALLOC, ...section }),
  );
  const symbols = symbolTable(specification, sections, structures.functions);
  const indices = new Map(symbols.map(({ name }, index) => [name, index + 1]));
  const record = ({ symbol, addend = 0n, ...rest }: NamedRelocation): RelocationSpecification => ({
    ...rest,
    addend,
    symbol: symbol === '' ? 0 : (indices.get(symbol) ?? 0),
  });
  const sectionIndex = (name: string): number => sections.findIndex((one) => one.name === name) + 1;
  return writeObjectFile({
    machine,
    byteOrder,
    symbols,
    sections: [
      ...sections.map(({ relocated: _relocated, ...section }) => ({ type: SHT_PROGBITS, ...section })),
      ...sections
        .filter(({ relocated }) => relocated !== undefined)
        .map(({ name, relocated = [] }) => ({
          name: `.rela${name}`,
          type: SHT_RELA,
          info: sectionIndex(name),
          relocations: relocated.map(record),
        })),
      ...(specification.late ?? []).map(({ name, target, flags, type, records }) => ({
        name,
        type: type ?? SHT_RELA,
        flags: flags ?? SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH,
        info: typeof target === 'number' ? target : sectionIndex(target),
        relocations: records.map(record),
      })),
    ],
  });
}

function symbolTable(
  { late = [], reserved }: LivepatchSpecification,
  sections: readonly NamedSection[],
  functions: readonly string[],
): readonly SymbolSpecification[] {
  const special = new Map(Object.entries(reserved ?? {}));
  const local = sections.map(({ name }, index) => ({ name, section: index + 1, binding: STB_LOCAL }));
  const textIndex = sections.findIndex(({ name }) => name === '.text') + 1;
  const defined = new Set([...local.map(({ name }) => name), ...functions, '__this_module']);
  const used = [
    ...sections.flatMap(({ relocated = [] }) => relocated),
    ...late.flatMap(({ records }) => records),
  ].map(({ symbol }) => symbol);
  const others = [...new Set(used)].filter((name) => name !== '' && !defined.has(name));
  return [
    ...local,
    {
      name: '__this_module',
      section: sections.findIndex(({ name }) => name === '.gnu.linkonce.this_module') + 1,
      binding: STB_GLOBAL,
    },
    ...[...new Set(functions)].map((name, index) => ({
      name,
      section: textIndex,
      value: BigInt(index * 4),
      binding: STB_GLOBAL,
      type: STT_FUNC,
    })),
    ...others.map((name) => ({
      name,
      section: special.get(name) ?? (name.startsWith('.klp.sym.') ? SHN_LIVEPATCH : SHN_UNDEF),
      reserved: true,
      binding: STB_GLOBAL,
    })),
  ];
}
