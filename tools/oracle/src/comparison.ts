import { parseObjectFile } from '@kelp/core/elf';
import type { LoadedImage } from '@kelp/loader';
import { outputName, type ComparedField, type LinkedSection, type LinkerInput } from './linker-input.ts';

/** What comparing modules with the linker's output came to. */
export interface OracleCounts {
  modules: number;
  /** Relocated fields, compared as whole containers. */
  fields: number;
  /** Bytes outside all fields. */
  bytes: number;
  /** arm64: fields of branches for whose target the PLT has several entries; they may go to any. */
  choices: number;
  /** Bytes of PLT, GOT and stubs, which the linker does not have. */
  tableBytes: number;
  /** ppc64le: words after a call that only the kernel rewrites, checked against what it writes. */
  restoredTocPointers: number;
  /** ppc64le: R_PPC64_ENTRY, which the linker leaves alone, checked by computing the prologue. */
  entryPrologues: number;
  /** What is not equal, in words. */
  readonly differences: string[];
}

/** Counts of nothing. */
export function noCounts(): OracleCounts {
  return {
    modules: 0,
    fields: 0,
    bytes: 0,
    choices: 0,
    tableBytes: 0,
    restoredTocPointers: 0,
    entryPrologues: 0,
    differences: [],
  };
}

/** R_PPC64_ENTRY and R_PPC64_REL24. */
const [entryPrologue, branch24] = [118, 10];
/** EM_PPC64. */
const ppc64 = 21;
const [nop, restoreTocPointer] = [0x6000_0000, 0xe841_0018];

/** Compare every byte of the laid-out sections. */
export function compareWithLinker(
  image: LoadedImage,
  input: LinkerInput,
  linked: Uint8Array,
  module: string,
  counts: OracleCounts,
): void {
  const output = parseObjectFile(linked, module);
  const tocPointer = ((output.section('.got')?.address ?? 0n) & ~0xffn) + 0x8000n;
  counts.modules++;
  counts.choices += input.choices;
  for (const { address, bytes } of input.tables) {
    const isPrefix = input.sections.every((section) => section.address !== address);
    if (isPrefix) counts.tableBytes += bytes.length;
  }
  for (const text of input.withoutSlot)
    counts.differences.push(`${module}: ${text}: no single entry leads to the target`);
  for (const section of input.sections) {
    if (section.size === 0) continue;
    if (input.tables.some(({ address }) => address === section.address && section.noBits)) {
      counts.tableBytes += section.size;
      continue;
    }
    const found = output.section(outputName(section.name, section.linkedName));
    const loaded = image.read(section.address, section.size);
    const bytes = section.noBits ? new Uint8Array(section.size) : found?.bytes;
    if (found?.address !== section.address || bytes?.length !== section.size || loaded === undefined) {
      const place = `0x${found?.address.toString(16) ?? '?'}, ${bytes?.length ?? 0} bytes`;
      counts.differences.push(`${module}: ${section.name} is at ${place} in the linker's output`);
      continue;
    }
    const fields = input.fields.filter((field) => field.section === section.index);
    const isPpc64 = image.object.machine === ppc64;
    compareSection({ section, loaded, linked: bytes, fields, isPpc64, tocPointer }, module, counts);
  }
}

/** One section in both outputs. */
interface Sides {
  readonly section: LinkedSection;
  readonly loaded: Uint8Array;
  readonly linked: Uint8Array;
  readonly fields: readonly ComparedField[];
  readonly isPpc64: boolean;
  /** ppc64le: r2 of the module, 0x8000 above what ld takes for the start of the TOC. */
  readonly tocPointer: bigint;
}

function compareSection(sides: Sides, module: string, counts: OracleCounts): void {
  const { section, loaded, linked, fields } = sides;
  const seen = new Uint8Array(section.size);
  const report = (offset: number, length: number, what: string): void => {
    const [kelp, ld] = [loaded, linked].map((bytes) => hexDigits(bytes.subarray(offset, offset + length)));
    counts.differences.push(
      `${module}: ${section.name}+0x${offset.toString(16)}, ${what}: loaded ${kelp}, linked ${ld}`,
    );
  };
  for (const field of fields) {
    const { offset, size, type } = field;
    seen.fill(1, offset, offset + size);
    if (sides.isPpc64 && type === entryPrologue) {
      counts.entryPrologues++;
      if (!isPrologue(sides, offset)) report(offset, size, 'R_PPC64_ENTRY');
      continue;
    }
    counts.fields++;
    if (!equal(loaded, linked, offset, size)) report(offset, size, `type ${type}`);
    if (sides.isPpc64 && type === branch24 && field.external && isRestored(sides, offset + 4)) {
      counts.restoredTocPointers++;
      seen.fill(1, offset + 4, offset + 8);
    }
  }
  for (let offset = 0; offset < section.size; offset++) {
    if (seen[offset] === 1) continue;
    counts.bytes++;
    if (loaded[offset] !== linked[offset]) report(offset, 1, 'no relocation');
  }
}

/** restore_r2(): the nop of the file became a load. Anything else is compared like every other byte. */
function isRestored({ loaded, linked }: Sides, offset: number): boolean {
  return wordAt(linked, offset) === nop && wordAt(loaded, offset) === restoreTocPointer;
}

/** `addis r2,r12,ha(d)` and `addi r2,r2,lo(d)` with the distance d to the TOC pointer, or what the file has. */
function isPrologue({ section, loaded, linked, tocPointer }: Sides, offset: number): boolean {
  if (equal(loaded, linked, offset, 8)) return true;
  const distance = tocPointer - (section.address + BigInt(offset));
  const high = 0x3c4c_0000 + Number(BigInt.asUintN(16, (distance + 0x8000n) >> 16n));
  const low = 0x3842_0000 + Number(BigInt.asUintN(16, distance));
  return wordAt(loaded, offset) === high && wordAt(loaded, offset + 4) === low;
}

function wordAt(bytes: Uint8Array, offset: number): number | undefined {
  if (offset + 4 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

function equal(a: Uint8Array, b: Uint8Array, offset: number, size: number): boolean {
  for (let at = offset; at < offset + size; at++) if (a[at] !== b[at]) return false;
  return true;
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
