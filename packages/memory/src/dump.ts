import { KelpError, type ByteOrder } from '@kelp/core';
import type { AddressSpace } from './address-space.ts';
import { readElfCore } from './elf-core.ts';
import type { ElfNote } from './elf-notes.ts';
import { isKdumpCompressed, readKdumpCompressed } from './kdump-compressed.ts';
import type { MemorySource } from './memory-source.ts';
import { RandomAccessFile } from './random-access-file.ts';

/** A memory dump, whatever its format. */
export interface Dump {
  readonly format: 'elf' | 'kdump-compressed';
  readonly path: string;
  /** e_machine. */
  readonly machine: number;
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
 * kdump-compressed file (makedumpfile, QEMU's kdump-zlib).
 *
 * @param spaces - the architectures to tell apart.
 * @throws KelpError `memory/flattened-dump`, `memory/compressed-dump` and `memory/split-dump`, which say how to convert
 *   the file; `memory/not-a-dump`, `memory/truncated`, `memory/damaged-dump`, `memory/unknown-machine`,
 *   `memory/not-found`, `memory/permission`.
 */
export function openDump(path: string, spaces: readonly AddressSpace[]): Dump {
  const file = new RandomAccessFile(path);
  try {
    const start = file.read(0n, 16);
    refuseConvertible(start, path);
    return isKdumpCompressed(start) ? openKdumpCompressed(file, spaces) : openElfCore(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function openElfCore(file: RandomAccessFile): Dump {
  const core = readElfCore(file);
  return { ...core, format: 'elf', path: file.path, vmcoreInfo: undefined, close: () => file.close() };
}

function openKdumpCompressed(file: RandomAccessFile, spaces: readonly AddressSpace[]): Dump {
  const dump = readKdumpCompressed(file);
  const space = spaces.find(({ machineName }) => machineName === dump.machineName);
  if (space === undefined) {
    const known = spaces.map(({ machineName }) => machineName).join(', ');
    const message = `the dump is of a machine ${JSON.stringify(dump.machineName)}, known are ${known}`;
    throw new KelpError('memory/unknown-machine', message, { file: file.path });
  }
  const { machine } = space;
  return {
    ...dump,
    format: 'kdump-compressed',
    path: file.path,
    machine,
    virtual: undefined,
    close: () => file.close(),
  };
}

/** Formats that another program has to convert first. */
const convertible = [
  {
    start: Buffer.from('makedumpfile'),
    code: 'memory/flattened-dump',
    message: 'a dump in the flattened format; rebuild it with makedumpfile -R NEW < DUMP',
  },
  {
    start: Buffer.from([0x1f, 0x8b]),
    code: 'memory/compressed-dump',
    message: 'compressed with gzip; unpack it with gunzip',
  },
  {
    start: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
    code: 'memory/compressed-dump',
    message: 'compressed with xz; unpack it with xz -d',
  },
  {
    start: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    code: 'memory/compressed-dump',
    message: 'compressed with Zstandard; unpack it with zstd -d',
  },
] as const;

function refuseConvertible(start: Uint8Array, file: string): void {
  const found = convertible.find(({ start: magic }) => magic.every((byte, index) => start[index] === byte));
  if (found !== undefined) throw new KelpError(found.code, found.message, { file, offset: 0 });
}
