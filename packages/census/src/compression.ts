import { spawnSync } from 'node:child_process';
import zlib from 'node:zlib';
import { KelpError } from '@kelp/core';

/** How a module file is compressed: CONFIG_MODULE_COMPRESS_XZ, _GZIP, _ZSTD. */
export type Compression = 'gzip' | 'xz' | 'zstd';

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** Uncompressed sizes in bytes beyond this are taken for an attack on memory, not for a module. */
const largestOutput = 2 ** 30;

/** The compression that the first bytes name, or undefined. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  return magics.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0];
}

/**
 * Uncompress a whole file.
 *
 * @param limit - most bytes of output; 1 GiB where absent.
 * @throws KelpError `file/damaged-compression`, or `file/too-large` beyond the limit.
 */
export async function decompress(
  format: Compression,
  bytes: Uint8Array,
  file: string,
  limit: number = largestOutput,
): Promise<Uint8Array> {
  try {
    return await decompressors[format](bytes, limit);
  } catch (error) {
    if (error instanceof TooLarge || isOutputLimit(error)) {
      throw new KelpError(
        'file/too-large',
        `more than ${limit} bytes when uncompressed`,
        { file },
        { cause: error },
      );
    }
    const message = `the ${format} data is damaged: ${error instanceof Error ? error.message : String(error)}`;
    throw new KelpError('file/damaged-compression', message, { file }, { cause: error });
  }
}

type Decompressor = (bytes: Uint8Array, limit: number) => Uint8Array | Promise<Uint8Array>;

const decompressors: Readonly<Record<Compression, Decompressor>> = {
  gzip: (bytes, limit) => zlib.gunzipSync(bytes, { maxOutputLength: limit }),
  zstd: (bytes, limit) =>
    nativeZstd === undefined ? portableZstd(bytes, limit) : nativeZstd(bytes, { maxOutputLength: limit }),
  // The program is twice as fast as WebAssembly; where it is missing nothing else changes.
  xz: (bytes, limit) => programXz(bytes, limit) ?? portableXz(bytes, limit),
};

class TooLarge extends Error {}

function isOutputLimit(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ERR_BUFFER_TOO_LARGE' || error.code === 'ENOBUFS')
  );
}

type ZstdDecompress = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

// Node has zstd from 22.15 on; its types of Node 20 do not know.
const zstdOfNode: unknown = Reflect.get(zlib, 'zstdDecompressSync');
const nativeZstd = isFunction(zstdOfNode) ? zstdOfNode : undefined;

function isFunction(value: unknown): value is ZstdDecompress {
  return typeof value === 'function';
}

/** Collects chunks up to the limit. */
class Output {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > this.#limit) throw new TooLarge();
    this.#chunks.push(chunk);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }
}

/** zstd without Node's own. Checksums of the frames are not compared. */
export async function portableZstd(bytes: Uint8Array, limit: number = largestOutput): Promise<Uint8Array> {
  const { Decompress } = await import('fzstd');
  const output = new Output(limit);
  const stream = new Decompress((chunk) => output.add(chunk));
  stream.push(bytes, true);
  return output.bytes();
}

/** xz through WebAssembly. */
export async function portableXz(bytes: Uint8Array, limit: number = largestOutput): Promise<Uint8Array> {
  // CommonJS: Node finds its members on the default export only, tsx beside it only.
  const { default: members, ...others } = await import('xz-decompress');
  const { XzReadableStream } = { ...others, ...members };
  const output = new Output(limit);
  const compressed = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  const reader = new XzReadableStream(compressed).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) output.add(next.value);
  return output.bytes();
}

let xzProgram = true;

/** xz through the program of that name; undefined where it cannot be run. */
function programXz(bytes: Uint8Array, limit: number): Uint8Array | undefined {
  if (!xzProgram) return undefined;
  const run = spawnSync('xz', ['-dc'], { input: bytes, maxBuffer: limit });
  if (isOutputLimit(run.error)) throw run.error;
  if (run.status === 0) return run.stdout;
  // Damaged data end the program before it has read them all, and then there is an EPIPE too.
  if (run.status !== null) throw new Error(run.stderr.toString().trim());
  xzProgram = false;
  return undefined;
}
