import { isKelpError, KelpError, type ByteOrder } from '@kelp/core';
import { parseNotes, type ElfNote } from './elf-notes.ts';
import { systemCode } from './file-fault.ts';
import { KernelView } from './kernel-reader.ts';
import { hex, memorySource, type MemorySource } from './memory-source.ts';
import type { RandomAccess } from './random-access-file.ts';
import { RangeIndex } from './range-index.ts';

/** An ELF core file: a dump of a machine, or /proc/kcore. */
export interface ElfCore {
  /** e_machine. */
  readonly machine: number;
  readonly byteOrder: ByteOrder;
  readonly notes: readonly ElfNote[];
  /** How many PT_LOAD segments there are. */
  readonly segments: number;
  /** By p_vaddr; undefined where the file gives physical addresses only. */
  readonly virtual: MemorySource | undefined;
  /** By p_paddr; undefined where the file gives none. */
  readonly physical: MemorySource | undefined;
  /** Ranges of physical memory in the file, by address. */
  readonly physicalRanges: readonly { readonly address: bigint; readonly size: bigint }[];
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const PN_XNUM = 0xffff;
const ET_CORE = 4;
const headerSize = 64;
const programHeaderSize = 56;
const sectionHeaderSize = 64;

/** Notes hold registers and VMCOREINFO: larger ones are taken for damage. */
const largestNotes = 2n ** 26n;

/** Largest number of program headers: 16 million, 900 MB of them. */
const mostProgramHeaders = 2 ** 24;

/** What a live kernel refuses is refused by page; the smallest there is. */
const pageSize = 4096;

/** Program headers of one kind in columns. */
interface Segments {
  readonly offset: BigUint64Array;
  readonly fileSize: BigUint64Array;
  readonly memorySize: BigUint64Array;
  readonly virtual: BigUint64Array;
  readonly physical: BigUint64Array;
}

/**
 * Read the headers of an ELF64 core file. The number of program headers may be extended (PN_XNUM): a dump made through
 * page tables has more than 65,534.
 *
 * @throws KelpError `memory/not-a-dump` if it is no ELF64 core, `memory/truncated` if its headers or notes are not all
 *   there, `memory/damaged-dump` if they contradict each other. Memory beyond the end of the file is no error here: it
 *   is absent as `truncated`.
 */
export function readElfCore(file: RandomAccess): ElfCore {
  const header = file.read(0n, headerSize);
  const byteOrder = identify(header, file);
  const view = new KernelView(header, byteOrder);
  const table = readExactly(
    file,
    view.u64(32),
    programHeaderCount(file, view) * programHeaderSize,
    'program headers',
  );
  const headers = new KernelView(table, byteOrder);

  const loads = segmentsOf(headers, PT_LOAD);
  const notes: ElfNote[] = [];
  const noteSegments = segmentsOf(headers, PT_NOTE);
  for (const [index, offset] of noteSegments.offset.entries()) {
    const size = noteSegments.fileSize[index] ?? 0n;
    if (size > largestNotes) throw damaged(`a PT_NOTE segment of ${size} bytes`, file);
    notes.push(...parseNotes(readExactly(file, offset, Number(size), 'notes'), byteOrder));
  }
  const { isVirtual, isPhysical } = addressKinds(loads);
  return {
    machine: view.u16(18),
    byteOrder,
    notes,
    segments: loads.offset.length,
    virtual: isVirtual ? segmentMemory(file, loads, loads.virtual) : undefined,
    physical: isPhysical ? segmentMemory(file, loads, loads.physical) : undefined,
    physicalRanges: isPhysical ? rangesOf(loads, file.size) : [],
  };
}

function identify(header: Uint8Array, file: RandomAccess): ByteOrder {
  const { path } = file;
  const isElf = header[0] === 0x7f && header[1] === 0x45 && header[2] === 0x4c && header[3] === 0x46;
  if (!isElf) throw new KelpError('memory/not-a-dump', 'no ELF file', { file: path, offset: 0 });
  if (header.length < headerSize) {
    throw new KelpError('memory/truncated', `the file ends in the ELF header, after ${header.length} bytes`, {
      file: path,
    });
  }
  if (header[4] !== 2)
    throw new KelpError('memory/not-a-dump', 'an ELF32 file, expected ELF64', { file: path, offset: 4 });
  const byteOrder = header[5] === 2 ? 'big' : 'little';
  const type = new KernelView(header, byteOrder).u16(16);
  if (type === ET_CORE) return byteOrder;
  throw new KelpError('memory/not-a-dump', `an ELF file of type ${type}, expected a core file (4)`, {
    file: path,
    offset: 16,
  });
}

function programHeaderCount(file: RandomAccess, header: KernelView): number {
  const entrySize = header.u16(54);
  if (entrySize !== programHeaderSize)
    throw damaged(`e_phentsize is ${entrySize}, expected ${programHeaderSize}`, file);
  const count = header.u16(56);
  if (count !== PN_XNUM) return count;
  // gABI: the number of program headers is then in sh_info of section header 0.
  const section = readExactly(
    file,
    header.u64(40),
    sectionHeaderSize,
    'section header 0, which counts the program headers',
  );
  const extended = new KernelView(section, header.byteOrder).u32(44);
  if (extended < PN_XNUM || extended > mostProgramHeaders)
    throw damaged(`${extended} program headers beside PN_XNUM`, file);
  return extended;
}

function segmentsOf(headers: KernelView, type: number): Segments {
  const places: number[] = [];
  for (let place = 0; place < headers.length; place += programHeaderSize) {
    if (headers.u32(place) === type) places.push(place);
  }
  const column = (field: number): BigUint64Array =>
    BigUint64Array.from(places, (place) => headers.u64(place + field));
  return {
    offset: column(8),
    virtual: column(16),
    physical: column(24),
    fileSize: column(32),
    memorySize: column(40),
  };
}

/**
 * Which addresses the segments carry. QEMU without paging writes p_vaddr = p_paddr, s390x dumps p_vaddr = 0: only the
 * physical ones mean something. A kernel without physical addresses (/proc/kcore of vmalloc) writes -1.
 */
function addressKinds(loads: Segments): { isVirtual: boolean; isPhysical: boolean } {
  const isVirtual = loads.virtual.some(
    (address, index) => address !== 0n && address !== loads.physical[index],
  );
  const known = loads.physical.filter((address) => address !== noPhysicalAddress);
  const isPhysical = known.length > 0 && (!isVirtual || known.some((address) => address !== 0n));
  return { isVirtual, isPhysical };
}

const noPhysicalAddress = (1n << 64n) - 1n;

function segmentMemory(file: RandomAccess, loads: Segments, addresses: BigUint64Array): MemorySource {
  const end = (address: bigint, index: number): bigint => {
    const last = address + (loads.memorySize[index] ?? 0n);
    return address === noPhysicalAddress || last > noPhysicalAddress ? address : last;
  };
  const index = new RangeIndex(addresses, addresses.map(end));
  return memorySource((address, length) => {
    const number = index.find(address);
    if (number === undefined) {
      const next = index.nextStart(address);
      return {
        length: next === undefined ? length : Number(min(next - address, BigInt(length))),
        absent: 'not-mapped',
      };
    }
    const within = address - (addresses[number] ?? 0n);
    const recorded = (loads.fileSize[number] ?? 0n) - within;
    // Beyond p_filesz a core file has nothing: makedumpfile -E leaves pages out this way.
    const rest = Number(min((loads.memorySize[number] ?? 0n) - within, BigInt(length)));
    if (recorded <= 0n) return { length: rest, absent: 'excluded' };
    const wanted = Number(min(recorded, BigInt(length)));
    const bytes = readSegment(file, (loads.offset[number] ?? 0n) + within, wanted);
    if (bytes === undefined)
      return {
        length: Math.min(pageSize - Number(address % BigInt(pageSize)), wanted),
        absent: 'not-mapped',
      };
    return bytes.length === 0 ? { length: wanted, absent: 'truncated' } : bytes;
  });
}

/** Bytes of a segment; undefined where a live kernel refuses them (EFAULT: nothing is mapped there). */
function readSegment(file: RandomAccess, position: bigint, length: number): Uint8Array | undefined {
  try {
    return file.read(position, length);
  } catch (error) {
    if (isKelpError(error) && systemCode(error.cause) === 'EFAULT') return undefined;
    throw error;
  }
}

/**
 * What is recorded of physical memory. No more than the file holds, in one segment and in all: whoever searches the ranges
 * would be at it for ages.
 */
function rangesOf(loads: Segments, fileSize: bigint): { address: bigint; size: bigint }[] {
  const ranges: { address: bigint; size: bigint }[] = [];
  let left = fileSize;
  for (const [index, address] of loads.physical.entries()) {
    const behind = fileSize - (loads.offset[index] ?? 0n);
    const size = min(min(loads.fileSize[index] ?? 0n, behind), left);
    if (address === noPhysicalAddress || size <= 0n) continue;
    left -= size;
    ranges.push({ address, size });
  }
  return ranges.toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

function readExactly(file: RandomAccess, position: bigint, length: number, what: string): Uint8Array {
  // Not even tried where it cannot be: a damaged count must not allocate memory.
  const bytes = position + BigInt(length) <= file.size ? file.read(position, length) : new Uint8Array(0);
  if (bytes.length === length) return bytes;
  const message = `the file ends before its ${what}: ${length} bytes at ${hex(position)}, ${bytes.length} there`;
  throw new KelpError('memory/truncated', message, { file: file.path });
}

function damaged(found: string, file: RandomAccess): KelpError {
  return new KelpError('memory/damaged-dump', found, { file: file.path });
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
