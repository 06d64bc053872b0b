import { readContainer, relocationsOf } from '@kelp/core';
import {
  modinfoValue,
  parseModinfo,
  SHT_NOTE,
  type ModinfoTag,
  type ObjectFile,
  type RelocationTable,
  type Section,
} from '@kelp/core/elf';
import { neededVersions } from './symbol-versions.ts';

/** What packaging asks about a module. Texts are untrusted. */
export interface ModuleFacts {
  /** The name at run time, from modinfo; undefined where it has none. */
  readonly name: string | undefined;
  readonly vermagic: string | undefined;
  /** First word of vermagic. */
  readonly release: string | undefined;
  readonly srcversion: string | undefined;
  readonly version: string | undefined;
  /** Of the GNU build-id note, in hexadecimal. */
  readonly buildId: string | undefined;
  /** Patterns by which devices and file systems ask for it. */
  readonly aliases: readonly string[];
  /** Modules that it needs. */
  readonly depends: readonly string[];
  readonly isLivepatch: boolean;
  /** A signature stands behind the file. */
  readonly isSigned: boolean;
  /** Exported symbols with their checksums; undefined where the kernel has no symbol versions. */
  readonly exports: ReadonlyMap<string, number | undefined>;
  /** Checksums of needed symbols, where the kernel has symbol versions. */
  readonly needs: ReadonlyMap<string, number>;
}

const exportPrefix = '__ksymtab_';
const checksumSize = 4;

/** Last bytes of a signed module: include/linux/module_signature.h, MODULE_SIG_STRING. */
const signatureMark = new TextEncoder().encode('~Module signature appended~\n');

/**
 * @param bytes - of the whole file, uncompressed: a signature is not part of the ELF file in it.
 * @throws KelpError `elf/...`.
 */
export function moduleFacts(file: ObjectFile, bytes: Uint8Array): ModuleFacts {
  const tags = parseModinfo(file.section('.modinfo')?.bytes ?? new Uint8Array());
  const all = (tag: string): readonly string[] => valuesOf(tags, tag);
  const vermagic = modinfoValue(tags, 'vermagic');
  return {
    name: modinfoValue(tags, 'name')?.replaceAll('-', '_'),
    vermagic,
    release: vermagic?.split(' ', 1)[0],
    srcversion: modinfoValue(tags, 'srcversion'),
    version: modinfoValue(tags, 'version'),
    buildId: buildIdOf(file),
    aliases: all('alias'),
    depends: all('depends').flatMap((list) => list.split(',').filter((name) => name !== '')),
    isLivepatch: modinfoValue(tags, 'livepatch') !== undefined,
    isSigned: signatureMark.every(
      (byte, index) => bytes[bytes.length - signatureMark.length + index] === byte,
    ),
    exports: exportsOf(file),
    needs: neededVersions(file),
  };
}

function valuesOf(tags: readonly ModinfoTag[], wanted: string): readonly string[] {
  return tags.filter(({ tag }) => tag === wanted).map(({ value }) => value);
}

/** The description of the first note of `.note.gnu.build-id`. */
function buildIdOf(file: ObjectFile): string | undefined {
  const section = file.section('.note.gnu.build-id');
  if (section?.type !== SHT_NOTE || section.size < 12) return undefined;
  const { bytes } = section;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = file.byteOrder === 'little';
  const [nameSize, size] = [view.getUint32(0, little), view.getUint32(4, little)];
  const start = 12 + Math.ceil(nameSize / 4) * 4;
  if (start + size > bytes.length) return undefined;
  return [...bytes.subarray(start, start + size)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Tables of exports, and those of their checksums, which go by the same index. */
const exportTables: ReadonlyMap<string, string> = new Map([
  ['__ksymtab', '__kcrctab'],
  ['__ksymtab_gpl', '__kcrctab_gpl'],
]);

/** What EXPORT_SYMBOL() made: a symbol for the entry of each export. */
function exportsOf(file: ObjectFile): ReadonlyMap<string, number | undefined> {
  const table = file.symbols();
  const checksums = new Map(
    [...exportTables].map(([entries, sums]) => [entries, new Checksums(file, entries, sums)]),
  );
  const found = new Map<string, number | undefined>();
  for (let index = 1; index < (table?.count ?? 0); index++) {
    const section = file.sections[table?.sectionIndex(index) ?? -1];
    const name = section === undefined ? '' : (table?.name(index) ?? '');
    if (table === undefined || !name.startsWith(exportPrefix)) continue;
    const sums = checksums.get(section?.name ?? '');
    if (sums !== undefined) found.set(name.slice(exportPrefix.length), sums.of(Number(table.value(index))));
  }
  return found;
}

/** The checksums of one table of exports. */
class Checksums {
  readonly #file: ObjectFile;
  readonly #section: Section | undefined;
  readonly #relocations: RelocationTable | undefined;
  /** Bytes of an entry of the table of exports. */
  readonly #entrySize: number;

  constructor(file: ObjectFile, entries: string, sums: string) {
    this.#file = file;
    this.#section = file.section(sums);
    this.#relocations = this.#section === undefined ? undefined : relocationsOf(file, this.#section);
    const count = (this.#section?.size ?? 0) / checksumSize;
    this.#entrySize = count === 0 ? 0 : (file.section(entries)?.size ?? 0) / count;
  }

  /** The checksum of the export whose entry is at an offset; undefined where there is none. */
  of(offset: number): number | undefined {
    const at = (offset / this.#entrySize) * checksumSize;
    const bytes = this.#section?.bytes;
    if (bytes === undefined || !Number.isInteger(at) || at + checksumSize > bytes.length) return undefined;
    const record = this.#recordAt(at);
    if (record === undefined) return Number(readContainer(bytes, at, checksumSize, this.#file.byteOrder));
    const symbols = this.#file.symbols();
    if (symbols === undefined || symbols.isExternal(record.symbol)) return undefined;
    return Number(BigInt.asUintN(32, symbols.value(record.symbol) + record.addend));
  }

  /** Until 5.18 the linker filled the table with the values of symbols `__crc_NAME` (7b4537199a4a). */
  #recordAt(at: number): { readonly symbol: number; readonly addend: bigint } | undefined {
    const records = this.#relocations;
    for (let index = 0; index < (records?.count ?? 0); index++) {
      if (records?.offset(index) !== at) continue;
      return { symbol: records.symbol(index), addend: records.addend(index) };
    }
    return undefined;
  }
}
