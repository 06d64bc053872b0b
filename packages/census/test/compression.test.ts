import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  decompress,
  detectCompression,
  portableXz,
  portableZstd,
  type Compression,
} from '../src/compression.ts';

/** What all the samples hold: 300,000 bytes. */
const plain = Buffer.from('livepatch '.repeat(30_000));

// Made with xz 5.4.1 and zstd 1.5.4: as the kernel's Makefile compresses modules, and otherwise.
const samples: Readonly<Record<string, readonly [Compression, string]>> = {
  'xz --check=crc32 --lzma2=dict=1MiB': [
    'xz',
    '/Td6WFoAAAFpIt42AgAhARAAAACocI6G5JPfAHtdADYaSzLkNkkiqepuSPEwFOwzlFqpyiijeUuqzf49vDx5AgVoVQGBGkgkrixF' +
      'Wuj2QsazOMSrwa3518679yoDYayfln5RAcon5PwLsL1/NkdoDxs1CzeRwII8L2Gr75sxK95Xj0cM0ZERqq1gHbrOsScYXFmG6WYFe1' +
      '17AAAAnB/FvwABkwHgpxIAjuN7Fz4wDYsCAAAAAAFZWg==',
  ],
  'xz --check=crc64': [
    'xz',
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj5JPfAHtdADYaSzLkNkkiqepuSPEwFOwzlFqpyiijeUuqzf49vDx5AgVoVQGBGkgkrixF' +
      'Wuj2QsazOMSrwa3518679yoDYayfln5RAcon5PwLsL1/NkdoDxs1CzeRwII8L2Gr75sxK95Xj0cM0ZERqq1gHbrOsScYXFmG6WYFe1' +
      '17AAAApb/3dhdxhXcAAZcB4KcSAJih6oyxxGf7AgAAAAAEWVo=',
  ],
  'zstd -T0': ['zstd', 'KLUv/aTgkwQAlAAAUGxpdmVwYXRjaCABAPP/zQsSTAAACHYBAPz/ORACTQAACHABANwTHQgBx6jqhA=='],
  'zstd -19 --no-check': ['zstd', 'KLUv/QBolAAAUGxpdmVwYXRjaCABAPP/zQsSRAAAAAEA/f/NCxBFAAAAAQDdEx0AAQ=='],
  gzip: ['gzip', gzipSync(plain).toString('base64')],
};

const rows = Object.entries(samples).map(
  ([made, [format, text]]) => [made, format, Uint8Array.from(Buffer.from(text, 'base64'))] as const,
);
const portable = rows.flatMap(([made, format, bytes]) => {
  if (format === 'gzip') return [];
  return [[made, format === 'xz' ? portableXz : portableZstd, bytes] as const];
});

describe('detectCompression', () => {
  test.each(rows)('knows the first bytes of %s', (_made, format, bytes) => {
    expect(detectCompression(bytes)).toBe(format);
  });

  test.each([
    ['an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)],
    ['an empty file', new Uint8Array()],
    ['a part of a magic number', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58)],
  ])('knows nothing of %s', (_what, bytes) => {
    expect(detectCompression(bytes)).toBeUndefined();
  });
});

describe('decompress', () => {
  test.each(rows)('gives back what %s compressed', async (_made, format, bytes) => {
    expect(plain.equals(await decompress(format, bytes, 'a.ko'))).toBe(true);
  });

  test.each(rows)('takes damaged data of %s for an error of the file', async (_made, format, bytes) => {
    const damaged = bytes.slice().fill(0xff, 8, 24);
    await expect(decompress(format, damaged, 'a.ko')).rejects.toMatchObject({
      name: 'KelpError',
      code: 'file/damaged-compression',
      file: 'a.ko',
    });
  });

  test.each(rows)(
    'takes data of %s that end early for an error of the file',
    async (_made, format, bytes) => {
      for (const length of [8, 20, bytes.length - 5]) {
        await expect(decompress(format, bytes.subarray(0, length), 'a.ko')).rejects.toMatchObject({
          code: 'file/damaged-compression',
        });
      }
    },
  );

  test.each(rows)('stops %s at the limit it is given', async (_made, format, bytes) => {
    const outcome = decompress(format, bytes, 'a.ko', plain.length - 1);
    const error: unknown = await outcome
      .then(({ length }) => `${length} bytes`)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'file/too-large',
      message: 'more than 299999 bytes when uncompressed',
      file: 'a.ko',
    });
  });

  test.each(rows)('gives all of %s at the limit', async (_made, format, bytes) => {
    expect(await decompress(format, bytes, 'a.ko', plain.length)).toHaveLength(plain.length);
  });

  test('says what is wrong with xz data of megabytes, not that a pipe broke', async () => {
    const megabytes = new Uint8Array(5_000_000).fill(7);
    megabytes.set([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
    const message = await decompress('xz', megabytes, 'a.ko').then(String, String);
    expect(message).toContain('the xz data is damaged');
    expect(message).not.toContain('EPIPE');
  });
});

describe('without help of Node or of a program', () => {
  test.each(portable)('%s is uncompressed to the same bytes', async (_made, decompressor, bytes) => {
    expect(plain.equals(await decompressor(bytes))).toBe(true);
  });

  test.each(portable)('%s is refused if it is damaged', async (_made, decompressor, bytes) => {
    await expect(decompressor(bytes.slice().fill(0xff, 8, 24))).rejects.toBeInstanceOf(Error);
  });

  test.each(portable)('%s is refused if it ends early', async (_made, decompressor, bytes) => {
    await expect(decompressor(bytes.subarray(0, bytes.length - 5))).rejects.toBeInstanceOf(Error);
  });
});

describe('on a machine that has no xz program', () => {
  const { PATH } = process.env;
  let empty: string;

  beforeEach(() => {
    empty = mkdtempSync(join(tmpdir(), 'kelp-census-'));
    process.env['PATH'] = empty;
    vi.resetModules();
  });

  afterEach(() => {
    process.env['PATH'] = PATH;
    rmSync(empty, { recursive: true });
  });

  test.each(rows)('%s is uncompressed all the same', async (_made, format, bytes) => {
    const fresh = await import('../src/compression.ts');
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(plain.equals(await fresh.decompress(format, bytes, 'a.ko'))).toBe(true);
    }
  });
});
