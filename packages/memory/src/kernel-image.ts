import { isKelpError } from '@kelp/core';
import { btfSize } from './btf-format.ts';
import { parseBtf, type Btf } from './btf.ts';
import type { KernelReader, KernelView } from './kernel-reader.ts';
import type { KernelSymbols } from './kernel-symbols.ts';

/** How far behind _stext a kernel image is searched: no image is as large. */
const searchedImage = 2 ** 27;

/** Memory searched at once. */
const searched = 2 ** 20;

/** Larger type information is taken for damage. */
const largestBtf = 2 ** 27;

/** BTF magic, version and flags, in both byte orders. */
const btfStart = { little: [0x9f, 0xeb, 1, 0], big: [0xeb, 0x9f, 1, 0] } as const;

/**
 * The type information of a kernel image: between `__start_BTF` and `__stop_BTF`, or where kallsyms lacks these, the
 * first in the image that knows struct module.
 *
 * @returns undefined if the kernel has none (CONFIG_DEBUG_INFO_BTF=n) or it cannot be read.
 */
export function findBtf(reader: KernelReader, symbols: KernelSymbols): Btf | undefined {
  const named = symbols.address('__start_BTF');
  if (named !== undefined) return btfAt(reader, named);
  const start = symbols.address('_stext');
  if (start === undefined) return undefined;
  const magic = btfStart[reader.byteOrder];
  for (const { address, view } of imageParts(reader, start, btfHeaderSize)) {
    for (let offset = 0; offset + btfHeaderSize <= view.length; offset += 4) {
      if (view.bytes[offset] !== magic[0] || view.bytes[offset + 1] !== magic[1]) continue;
      const btf = btfAt(reader, address + BigInt(offset));
      if (btf?.struct('module') !== undefined) return btf;
    }
  }
  return undefined;
}

/** The part of the header that every kernel writes. */
const btfHeaderSize = 24;

function btfAt(reader: KernelReader, address: bigint): Btf | undefined {
  const header = reader.tryView(address, btfHeaderSize);
  const size = header === undefined ? undefined : btfSize(header.bytes, reader.byteOrder);
  const bytes = size === undefined || size > largestBtf ? undefined : reader.tryView(address, size)?.bytes;
  if (bytes === undefined) return undefined;
  try {
    return parseBtf(bytes, reader.byteOrder, reader.file);
  } catch (error) {
    if (isKelpError(error)) return undefined;
    throw error;
  }
}

/** The readable parts of a kernel image, each repeating the last `overlap` bytes of the one before. */
export function* imageParts(
  reader: KernelReader,
  start: bigint,
  overlap: number,
): Generator<{ readonly address: bigint; readonly view: KernelView }> {
  for (let offset = 0; offset < searchedImage; offset += searched - overlap) {
    const address = start + BigInt(offset);
    const whole = reader.tryView(address, searched);
    if (whole !== undefined) {
      yield { address, view: whole };
      continue;
    }
    for (const piece of reader.memory.pieces(address, searched)) {
      const view = 'absent' in piece ? undefined : reader.tryView(piece.address, piece.length);
      if (view !== undefined) yield { address: piece.address, view };
    }
  }
}
