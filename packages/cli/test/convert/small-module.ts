import { writeContainer, type ByteOrder } from '@kelp/core';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_UNDEF,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  writeObjectFile,
  type RelocationSpecification,
  type SymbolSpecification,
} from '@kelp/core/elf';

/** A relocation with its symbol by name: a section of the module, or somebody else's. */
interface NamedRelocation {
  readonly offset: number;
  readonly symbol: string;
  /** The type that stores an address, where absent. */
  readonly type?: number;
  readonly addend?: bigint;
}

/** A section with the relocations that change it. */
export interface SmallSection {
  readonly name: string;
  /** Loaded and read-only, where absent. */
  readonly flags?: bigint;
  readonly bytes?: Uint8Array;
  readonly relocated?: readonly NamedRelocation[];
}

const machines = {
  x86: { machine: 62, byteOrder: 'little', address: 1 },
  ppc64le: { machine: 21, byteOrder: 'little', address: 38 },
  s390x: { machine: 22, byteOrder: 'big', address: 22 },
  arm64: { machine: 183, byteOrder: 'little', address: 257 },
} as const satisfies Record<
  string,
  { readonly machine: number; readonly byteOrder: ByteOrder; readonly address: number }
>;

export type ArchitectureName = keyof typeof machines;

export const architectureNames: readonly ArchitectureName[] = ['x86', 'ppc64le', 's390x', 'arm64'];

export const code = SHF_ALLOC | SHF_EXECINSTR;
export const data = SHF_ALLOC | SHF_WRITE;

/** A module of Linux 7.3 with these sections; undefined symbols are made as they are needed. */
export function smallModule(name: ArchitectureName, given: readonly SmallSection[]): Uint8Array {
  const { machine, byteOrder, address } = machines[name];
  const modinfo = { name: '.modinfo', bytes: Buffer.from('name=patch\0livepatch=Y\0vermagic=7.3.0 SMP \0') };
  const sections: readonly SmallSection[] = [modinfo, ...given];
  const own = sections.map((one) => one.name);
  const used = sections.flatMap(({ relocated = [] }) => relocated.map(({ symbol }) => symbol));
  const others = [...new Set(used)].filter((symbol) => !own.includes(symbol));
  const symbols: readonly SymbolSpecification[] = [
    ...own.map((section, index) => ({ name: section, section: index + 1 })),
    ...others.map((symbol) => ({ name: symbol, section: SHN_UNDEF, reserved: true, binding: STB_GLOBAL })),
  ];
  const indexOf = new Map(symbols.map((symbol, index) => [symbol.name, index + 1]));
  const record = ({
    symbol,
    type = address,
    addend = 0n,
    offset,
  }: NamedRelocation): RelocationSpecification => ({
    offset,
    type,
    addend,
    symbol: indexOf.get(symbol) ?? 0,
  });
  return writeObjectFile({
    machine,
    byteOrder,
    symbols,
    sections: [
      ...sections.map(({ name: section, flags = SHF_ALLOC, bytes = new Uint8Array(64) }) => ({
        name: section,
        type: SHT_PROGBITS,
        flags,
        bytes,
        alignment: 4,
      })),
      ...sections.flatMap(({ name: section, relocated }, index) =>
        relocated === undefined
          ? []
          : [
              {
                name: `.rela${section}`,
                type: SHT_RELA,
                info: index + 1,
                relocations: relocated.map(record),
              },
            ],
      ),
    ],
  });
}

/** A section of KLP_MODULE_RELOC() with its KLP_SYMPOS() entries. */
export function annotation(
  name: ArchitectureName,
  object: string,
  entries: readonly (readonly [symbol: string, position: number])[],
): SmallSection {
  const bytes = new Uint8Array(entries.length * 12);
  for (const [index, [, position]] of entries.entries())
    writeContainer(bytes, index * 12 + 8, 4, machines[name].byteOrder, BigInt(position));
  return {
    name: `.klp.module_relocs.${object}`,
    flags: data,
    bytes,
    relocated: entries.map(([symbol], index) => ({ offset: index * 12, symbol })),
  };
}
