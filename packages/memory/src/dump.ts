import { KelpError, type ByteOrder } from '@kelp/core';
import { readElfCore } from './elf-core.ts';
import type { ElfNote } from './elf-notes.ts';
import { isFlattened, openFlattened } from './flattened-file.ts';
import { isKdumpCompressed, readKdumpCompressed } from './kdump-compressed.ts';
import type { MemorySource } from './memory-source.ts';
import { RandomAccessFile, type RandomAccess } from './random-access-file.ts';

/** A memory dump, whatever its format. */
export interface Dump {
  readonly format: 'elf' | 'kdump-compressed';
  readonly path: string;
  /** e_machine; undefined in a kdump-compressed dump, which has a name instead. */
  readonly machine: number | undefined;
  /** utsname.machine of a kdump-compressed dump. QEMU writes `Unknown` for some machines. */
  readonly machineName: string | undefined;
  /** Of the headers and notes. */
  readonly byteOrder: ByteOrder;
  readonly notes: readonly ElfNote[];
  /** VMCOREINFO that the headers name beside the notes. */
  readonly vmcoreInfo: Uint8Array | undefined;
  readonly physical: MemorySource | undefined;
  /** Virtual memory where the dump itself carries virtual addresses. */
  readonly virtual: MemorySource | undefined;
  readonly physicalRanges: readonly { readonly address: bigint; readonly size: bigint }[];
  close(): void;
}

/**
 * Open a memory dump: an ELF64 core file (kdump's /proc/vmcore, QEMU's dump-guest-memory, makedumpfile -E) or a
 * kdump-compressed file (makedumpfile, QEMU's kdump-zlib), either also in makedumpfile's flattened format.
 *
 * @throws KelpError `memory/compressed-dump` and `memory/split-dump`, which say how to convert the file;
 *   `memory/not-a-dump`, `memory/truncated`, `memory/damaged-dump`, `memory/not-found`, `memory/permission`.
 */
export function openDump(path: string): Dump {
  const file = new RandomAccessFile(path);
  try {
    const start = file.read(0n, 16);
    refuseCompressed(start, path);
    const content = isFlattened(start) ? openFlattened(file) : file;
    return isKdumpCompressed(content.read(0n, 16)) ? openKdumpCompressed(content) : openElfCore(content);
  } catch (error) {
    file.close();
    throw error;
  }
}

function openElfCore(file: RandomAccess): Dump {
  const core = readElfCore(file);
  const close = (): void => file.close();
  return { ...core, format: 'elf', path: file.path, machineName: undefined, vmcoreInfo: undefined, close };
}

function openKdumpCompressed(file: RandomAccess): Dump {
  const dump = readKdumpCompressed(file);
  const close = (): void => file.close();
  return {
    ...dump,
    format: 'kdump-compressed',
    path: file.path,
    machine: undefined,
    virtual: undefined,
    close,
  };
}

/** Compressed as a whole: a place in the dump cannot be found without unpacking all before it. */
const compressions = [
  { start: [0x1f, 0x8b], name: 'gzip', command: 'gunzip' },
  { start: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], name: 'xz', command: 'xz -d' },
  { start: [0x28, 0xb5, 0x2f, 0xfd], name: 'Zstandard', command: 'zstd -d' },
] as const;

function refuseCompressed(start: Uint8Array, file: string): void {
  const found = compressions.find(({ start: magic }) => magic.every((byte, index) => start[index] === byte));
  if (found === undefined) return;
  const message = `compressed with ${found.name}; unpack it with ${found.command}`;
  throw new KelpError('memory/compressed-dump', message, { file, offset: 0 });
}
