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

/** Uncompressed sizes beyond this are taken for an attack on memory, not for a module. */
const largestOutput = 2 ** 30;

/** The compression that the first bytes name, or undefined. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  return magics.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0];
}

/**
 * Uncompress a whole file.
 *
 * @throws KelpError `file/damaged-compression`, or `file/too-large` beyond 1 GiB.
 */
export async function decompress(format: Compression, bytes: Uint8Array, file: string): Promise<Uint8Array> {
  try {
    return await decompressors[format](bytes);
  } catch (error) {
    if (error instanceof TooLarge || isOutputLimit(error)) {
      throw new KelpError('file/too-large', `more than ${largestOutput} bytes when uncompressed`, { file }, { cause: error });
    }
    const message = `the ${format} data is damaged: ${error instanceof Error ? error.message : String(error)}`;
    throw new KelpError('file/damaged-compression', message, { file }, { cause: error });
  }
}

const decompressors: Readonly<Record<Compression, (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>>> = {
  gzip: (bytes) => zlib.gunzipSync(bytes, { maxOutputLength: largestOutput }),
  zstd: (bytes) => (nativeZstd === undefined ? portableZstd(bytes) : nativeZstd(bytes, { maxOutputLength: largestOutput })),
  // The program is twice as fast as WebAssembly; where it is missing nothing else changes.
  xz: (bytes) => programXz(bytes) ?? portableXz(bytes),
};

class TooLarge extends Error {}

function isOutputLimit(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ERR_BUFFER_TOO_LARGE' || error.code === 'ENOBUFS');
}

type ZstdDecompress = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

// Node has zstd from 22.15 on; its types of Node 20 do not know.
const nativeZstd: ZstdDecompress | undefined = (zlib as { readonly zstdDecompressSync?: ZstdDecompress }).zstdDecompressSync;

/** Collects chunks up to the limit. */
class Output {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > largestOutput) throw new TooLarge();
    this.#chunks.push(chunk);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }
}

/** zstd without Node's own. */
export async function portableZstd(bytes: Uint8Array): Promise<Uint8Array> {
  const { Decompress } = await import('fzstd');
  const output = new Output();
  const stream = new Decompress((chunk) => output.add(chunk));
  stream.push(bytes, true);
  return output.bytes();
}

/** xz through WebAssembly. */
export async function portableXz(bytes: Uint8Array): Promise<Uint8Array> {
  // CommonJS: its members are found on the default export only.
  const { XzReadableStream } = (await import('xz-decompress')).default;
  const output = new Output();
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

function programXz(bytes: Uint8Array): Uint8Array | undefined {
  if (!xzProgram) return undefined;
  const run = spawnSync('xz', ['-dc'], { input: bytes, maxBuffer: largestOutput });
  if (run.error !== undefined) {
    if ('code' in run.error && run.error.code === 'ENOENT') xzProgram = false;
    else throw run.error;
    return undefined;
  }
  if (run.status !== 0) throw new Error(run.stderr.toString().trim());
  return run.stdout;
}
