import { parseConfiguration, parseKernel } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  STT_FUNC,
  writeObjectFile,
  type ObjectFile,
} from '@kelp/core/elf';
import { lint, type LintFinding, type LintInput } from '@kelp/livepatch';
import { buildLivepatch, type LivepatchSpecification } from '../../../livepatch/test/build-livepatch.ts';
import { architectures } from '../../src/architectures.ts';

export type ArchitectureId = 'arm64' | 'ppc64le' | 's390x' | 'x86';

export const ids: readonly ArchitectureId[] = ['x86', 'ppc64le', 's390x', 'arm64'];

/** Types by what they store: an address, a distance of 32 and 64 bits, a call. */
export const types = {
  x86: { address: 1, near: 2, far: 24, call: 4 },
  ppc64le: { address: 38, near: 26, far: 44, call: 10 },
  s390x: { address: 22, near: 5, far: 23, call: 20 },
  arm64: { address: 257, near: 261, far: 260, call: 283 },
} as const;

type Section = NonNullable<LivepatchSpecification['sections']>[number];
type Late = NonNullable<LivepatchSpecification['late']>[number];

/** What is linted, as it differs from a clean livepatch of xfs for 7.3. */
export interface Parts extends Omit<LivepatchSpecification, 'architecture' | 'late' | 'sections'> {
  readonly sections?: readonly Section[];
  /** Beside the relocation of the clean livepatch; `null`: no relocation at all. */
  readonly late?: readonly Late[] | null;
  /** Sections that the architecture's loader needs are left out. */
  readonly bare?: true;
  readonly kernel?: string;
  readonly configuration?: string;
  readonly input?: Pick<LintInput, 'modules' | 'reference' | 'symbols'>;
  readonly change?: (bytes: Uint8Array) => void;
}

export const thing = '.klp.sym.xfs.thing,0';

/** Writable data of 64 bytes, aligned to 8. */
export const data: Section = {
  name: '.data.late',
  flags: SHF_ALLOC | SHF_WRITE,
  alignment: 8,
  bytes: new Uint8Array(64),
};

const required: Readonly<Record<ArchitectureId, readonly Section[]>> = {
  x86: [],
  s390x: [],
  ppc64le: [{ name: '.stubs', type: SHT_NOBITS, flags: SHF_ALLOC | SHF_EXECINSTR, size: 0, alignment: 8 }],
  arm64: ['.plt', '.init.plt'].map((name) => ({
    name,
    flags: SHF_ALLOC | SHF_EXECINSTR,
    bytes: new Uint8Array(1),
  })),
};

/** A relocation of xfs against a section. */
export function late(
  target: string,
  offset: number,
  type: number,
  symbol = thing,
  name = `.klp.rela.xfs.${target}`,
): Late {
  return { name, target, records: [{ offset, type, symbol }] };
}

function specification(id: ArchitectureId, parts: Parts): LivepatchSpecification {
  const { sections = [], late: more = [], bare, ...rest } = parts;
  return {
    objects: [{ name: 'xfs', functions: [{ oldName: 'xfs_read', position: 0n }] }],
    ...rest,
    architecture: id,
    sections: [data, ...(bare === true ? [] : required[id]), ...sections],
    late: more === null ? [] : [late('.data.late', 0, types[id].address), ...more],
  };
}

export function findings(id: ArchitectureId, parts: Parts): readonly LintFinding[] {
  const bytes = buildLivepatch(specification(id, parts));
  parts.change?.(bytes);
  const architecture = architectures.find((one) => one.id === id);
  if (architecture === undefined) throw new Error(id);
  const configuration =
    parts.configuration === undefined ? undefined : parseConfiguration(parts.configuration);
  return lint({
    object: parseObjectFile(bytes, 'patch.ko'),
    architecture,
    kernel: parseKernel(parts.kernel ?? '7.3', configuration),
    ...parts.input,
  }).findings;
}

/** A module of the kernel, with symbols by section: `.text`, `.init.text`. */
export function module(
  symbols: readonly (readonly [name: string, section: '.init.text' | '.text'])[],
  more: {
    readonly modinfo?: string;
    readonly structureSize?: number;
    readonly sites?: readonly string[];
  } = {},
): ObjectFile {
  const { modinfo = 'vermagic=7.3.0 SMP \0', structureSize = 896, sites = [] } = more;
  const sections = ['.text', '.init.text'].map((name) => ({
    name,
    type: SHT_PROGBITS,
    flags: SHF_ALLOC | SHF_EXECINSTR,
    bytes: new Uint8Array(1024),
  }));
  const bytes = writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      ...sections,
      { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: Buffer.from(modinfo) },
      {
        name: '.gnu.linkonce.this_module',
        type: SHT_PROGBITS,
        flags: SHF_ALLOC | SHF_WRITE,
        bytes: new Uint8Array(structureSize),
      },
      { name: '__mcount_loc', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(8 * sites.length) },
      {
        name: '.rela__mcount_loc',
        type: SHT_RELA,
        info: 5,
        relocations: sites.map((site, index) => ({
          offset: index * 8,
          type: 1,
          symbol: symbols.findIndex(([name]) => name === site) + 1,
          addend: 4n,
        })),
      },
    ],
    symbols: symbols.map(([name, section], index) => ({
      name,
      section: section === '.text' ? 1 : 2,
      value: BigInt(index * 32),
      size: 32n,
      binding: STB_GLOBAL,
      type: STT_FUNC,
    })),
  });
  return parseObjectFile(bytes, 'xfs.ko');
}

/** A fault, and what comes close to it and is none. */
export interface Case {
  readonly rule: string;
  readonly architecture?: ArchitectureId;
  readonly faulty: Parts;
  readonly clean: Parts;
  /** What the finding says, where more than one could be found. */
  readonly expected?: Readonly<Record<string, unknown>>;
}
