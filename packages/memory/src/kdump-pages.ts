import { inflateSync } from 'node:zlib';
import { KelpError } from '@kelp/core';
import { decompress as decompressZstd } from 'fzstd';

/** Flags of a page descriptor (DUMP_DH_COMPRESSED_* in makedumpfile's diskdump_mod.h). */
const compressions: ReadonlyMap<number, Compression> = new Map([
  [0x00, 'none'],
  [0x01, 'zlib'],
  [0x02, 'LZO'],
  [0x04, 'snappy'],
  [0x20, 'zstd'],
]);

/** The flags that name a compression; others tell something else. */
const compressionFlags = 0x27;

type Compression = 'none' | 'zlib' | 'LZO' | 'snappy' | 'zstd';

/**
 * One page of a kdump-compressed dump, or undefined if its data is damaged.
 *
 * @param flags - of its page descriptor.
 * @param size - of a page in bytes.
 * @throws KelpError `memory/unsupported-compression` for LZO and snappy, which Node.js has no decompressor for.
 */
export function unpackPage(
  data: Uint8Array,
  flags: number,
  size: number,
  file: string,
): Uint8Array | undefined {
  const compression = compressions.get(flags & compressionFlags);
  if (compression === 'LZO' || compression === 'snappy') {
    const message = `pages are compressed with ${compression}; convert the dump to zlib with makedumpfile -c -d 0 DUMP NEW`;
    throw new KelpError('memory/unsupported-compression', message, { file });
  }
  const page = compression === undefined ? undefined : decompress(compression, data, size);
  return page?.length === size ? page : undefined;
}

function decompress(
  compression: 'none' | 'zlib' | 'zstd',
  data: Uint8Array,
  size: number,
): Uint8Array | undefined {
  if (compression === 'none') return data;
  try {
    if (compression === 'zstd') return decompressZstd(data, new Uint8Array(size));
    const page = inflateSync(data, { maxOutputLength: size });
    return new Uint8Array(page.buffer, page.byteOffset, page.length);
  } catch {
    return undefined;
  }
}
