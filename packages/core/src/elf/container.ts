/// <reference path="./elfy.d.ts" />
import elfy from 'elfy';
import { KelpError } from '../errors.ts';
import { readContainer, type ByteOrder } from '../field.ts';

/** What elfy says about a file: what kind of container it is. Numbers wider than 32 bits are read by the section table. */
export interface Container {
  readonly byteOrder: ByteOrder;
  /** Resolve a name in a string table whose last byte is known to be NUL. */
  readonly nameAt: (strings: Uint8Array, offset: number) => string;
}

const headerSize = 64;

/**
 * Identify an ELF64 file. This is the only file that imports elfy, and its output goes no further than this.
 *
 * Only elfy's header parser and its string resolution are used: its section parser reads sh_addralign and sh_entsize
 * at the wrong place and turns flags into an object through 32-bit shifts.
 *
 * @throws KelpError `elf/truncated`, `elf/not-elf`, `elf/wrong-class`, `elf/byte-order`.
 */
export function identifyContainer(bytes: Uint8Array, file: string | undefined): Container {
  const fail = (
    code: 'not-elf' | 'truncated' | 'wrong-class' | 'byte-order',
    message: string,
    offset: number,
  ): never => {
    throw new KelpError(`elf/${code}`, message, { file, offset });
  };
  if (bytes.length === 0) fail('truncated', 'the file is empty', 0);
  if (bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    fail('not-elf', 'the file does not start with the ELF magic 7f 45 4c 46', 0);
  }
  if (bytes.length < headerSize)
    fail('truncated', `the file ends inside the ELF header, after ${bytes.length} bytes`, bytes.length);
  if (bytes[4] !== 2) fail('wrong-class', `ELF class is ${bytes[4]}, Kelp reads 64-bit files (class 2)`, 4);
  if (bytes[5] !== 1 && bytes[5] !== 2)
    fail('byte-order', `ELF byte order is ${bytes[5]}, expected 1 or 2`, 5);
  const parser = new elfy.Parser();
  const header = parser.parseHeader(asBuffer(bytes.subarray(0, headerSize)));
  return {
    byteOrder: header.endian === 'lsb' ? 'little' : 'big',
    nameAt: (strings, offset) => parser.resolveStr(asBuffer(strings), offset),
  };
}

/** elfy takes a Buffer only; this is a view, nothing is copied. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Byte order and e_machine of a file that may be damaged behind its header; undefined where the header is not ELF64. */
export function readIdentity(
  bytes: Uint8Array,
): { readonly machine: number; readonly byteOrder: ByteOrder } | undefined {
  try {
    const { byteOrder } = identifyContainer(bytes, undefined);
    return { byteOrder, machine: Number(readContainer(bytes, 18, 2, byteOrder)) };
  } catch {
    return undefined;
  }
}
