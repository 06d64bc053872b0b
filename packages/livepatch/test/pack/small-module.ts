import {
  SHF_ALLOC,
  SHN_ABS,
  SHN_UNDEF,
  SHT_NOTE,
  SHT_PROGBITS,
  SHT_RELA,
  STB_GLOBAL,
  parseObjectFile,
  writeObjectFile,
  type SectionSpecification,
} from '@kelp/core/elf';
import type { ModuleInput } from '../../src/index.ts';

/** What a module says about itself. What is left out is sound. */
export interface ModuleSpecification {
  readonly name?: string;
  readonly release?: string;
  readonly vermagic?: string;
  readonly buildId?: string;
  readonly aliases?: readonly string[];
  readonly livepatch?: boolean;
  readonly signed?: boolean;
  /** Exported symbols with their checksums. */
  readonly exports?: Readonly<Record<string, number>>;
  /** The checksums are values of symbols, as in 5.10. */
  readonly absoluteChecksums?: boolean;
  /** Needed symbols with their checksums. */
  readonly needs?: Readonly<Record<string, number>>;
  /** Where checksums of needed symbols stand. */
  readonly versions?: 'plain' | 'extended' | 'none';
  readonly byteOrder?: 'little' | 'big';
}

const encoder = new TextEncoder();

/** The bytes of a module that kmod and Kelp can read. */
export function moduleBytes(given: ModuleSpecification): Uint8Array {
  const { exports = {}, needs = {}, byteOrder = 'little', absoluteChecksums = false } = given;
  const little = byteOrder === 'little';
  const checksums = new Uint8Array(Object.keys(exports).length * 4);
  for (const [index, value] of absoluteChecksums ? [] : Object.values(exports).entries())
    new DataView(checksums.buffer).setUint32(index * 4, value, little);
  // The symbols are __ksymtab_NAME and __crc_NAME in turn.
  const sums = Object.keys(exports).map((_, index) => ({
    offset: index * 4,
    type: 10,
    symbol: index * 2 + 2,
    addend: 0n,
  }));
  const sections: readonly SectionSpecification[] = [
    { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: encoder.encode(modinfo(given)) },
    {
      name: '.note.gnu.build-id',
      type: SHT_NOTE,
      flags: SHF_ALLOC,
      bytes: note(given.buildId ?? '00', little),
    },
    { name: '__ksymtab', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(checksums.length * 6) },
    { name: '__kcrctab', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: checksums },
    ...(absoluteChecksums ? [{ name: '.rela__kcrctab', type: SHT_RELA, info: 4, relocations: sums }] : []),
    ...versionSections(needs, given.versions ?? 'plain', little),
  ];
  const bytes = writeObjectFile({
    machine: little ? 62 : 22,
    byteOrder,
    sections,
    symbols: [
      ...Object.entries(exports).flatMap(([name, checksum], index) => [
        { name: `__ksymtab_${name}`, section: 3, value: BigInt(index * 24), binding: STB_GLOBAL },
        absoluteChecksums
          ? {
              name: `__crc_${name}`,
              section: SHN_ABS,
              reserved: true,
              value: BigInt(checksum),
              binding: STB_GLOBAL,
            }
          : { name: `__crc_${name}`, section: 4, value: BigInt(index * 4), binding: STB_GLOBAL },
      ]),
      ...Object.keys(needs).map((name) => ({
        name,
        section: SHN_UNDEF,
        reserved: true,
        binding: STB_GLOBAL,
      })),
    ],
  });
  return given.signed === true
    ? Uint8Array.from([...bytes, ...encoder.encode('signature~Module signature appended~\n')])
    : bytes;
}

/** A module as packaging takes it. */
export function moduleInput(
  given: ModuleSpecification,
  file = `build/${given.name ?? 'target'}.ko`,
): ModuleInput {
  const bytes = moduleBytes(given);
  return { file, bytes, plain: bytes, object: parseObjectFile(bytes, file) };
}

function modinfo({
  name = 'target',
  release = '6.1.0-50-amd64',
  vermagic,
  aliases = [],
  livepatch,
}: ModuleSpecification): string {
  const tags = [
    ['license', 'GPL'],
    ...(livepatch === true ? [['livepatch', 'Y']] : []),
    ...aliases.map((alias) => ['alias', alias]),
    ['srcversion', '0123456789ABCDEF0123456'],
    ['depends', ''],
    ['name', name],
    ['vermagic', vermagic ?? `${release} SMP mod_unload modversions `],
  ];
  return tags.map(([tag, value]) => `${tag}=${value}\0`).join('');
}

function note(buildId: string, little: boolean): Uint8Array {
  const description = Buffer.from(buildId, 'hex');
  const bytes = Buffer.alloc(16 + description.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, 4, little);
  view.setUint32(4, description.length, little);
  view.setUint32(8, 3, little);
  bytes.write('GNU\0', 12);
  description.copy(bytes, 16);
  return bytes;
}

function versionSections(
  needs: Readonly<Record<string, number>>,
  kind: 'plain' | 'extended' | 'none',
  little: boolean,
): readonly SectionSpecification[] {
  const entries = Object.entries(needs);
  if (kind === 'none') return [];
  const bytes = Buffer.alloc(entries.length * (kind === 'plain' ? 64 : 4));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [index, [name, checksum]] of entries.entries()) {
    if (kind === 'extended') view.setUint32(index * 4, checksum, little);
    else {
      view.setBigUint64(index * 64, BigInt(checksum), little);
      bytes.write(name, index * 64 + 8);
    }
  }
  if (kind === 'plain') return [{ name: '__versions', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes }];
  const names = encoder.encode(entries.map(([name]) => `${name}\0`).join(''));
  return [
    { name: '__version_ext_crcs', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes },
    { name: '__version_ext_names', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: names },
  ];
}
