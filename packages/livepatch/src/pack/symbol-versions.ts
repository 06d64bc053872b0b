import type { ObjectFile, Section } from '@kelp/core/elf';

const decoder = new TextDecoder();

/**
 * Checksums of the symbols that a module needs: those of `__version_ext_crcs` and `__version_ext_names` where it has
 * them (CONFIG_EXTENDED_MODVERSIONS), else those of `__versions` (check_version() of kernel/module/version.c looks at
 * the former first).
 */
export function neededVersions(file: ObjectFile): ReadonlyMap<string, number> {
  const [checksums, names] = ['__version_ext_crcs', '__version_ext_names'].map((name) => file.section(name));
  if (checksums !== undefined && names !== undefined) return extendedVersions(file, checksums, names);
  const plain = file.section('__versions');
  return plain === undefined ? new Map() : plainVersions(file, plain);
}

/** Checksums in one section, their names, each with a NUL behind it, in the same order in the other. */
function extendedVersions(file: ObjectFile, checksums: Section, names: Section): ReadonlyMap<string, number> {
  const view = viewOf(checksums);
  const text = decoder.decode(names.bytes).split('\0');
  const count = Math.min(Math.floor(checksums.bytes.length / 4), text.length);
  return new Map(
    Array.from({ length: count }, (_, index) => [
      text[index] ?? '',
      view.getUint32(index * 4, file.byteOrder === 'little'),
    ]),
  );
}

// struct modversion_info of include/linux/module.h: an unsigned long, then a name that fills up 64 bytes.
const entrySize = 64;
const nameAt = 8;

function plainVersions(file: ObjectFile, section: Section): ReadonlyMap<string, number> {
  const view = viewOf(section);
  const little = file.byteOrder === 'little';
  const versions = new Map<string, number>();
  for (let start = 0; start + entrySize <= section.bytes.length; start += entrySize) {
    const name = section.bytes.subarray(start + nameAt, start + entrySize);
    const end = name.indexOf(0);
    const text = decoder.decode(end === -1 ? name : name.subarray(0, end));
    if (text !== '') versions.set(text, Number(BigInt.asUintN(32, view.getBigUint64(start, little))));
  }
  return versions;
}

function viewOf({ bytes }: Section): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
