import { gzipSync } from 'node:zlib';
import { SHT_RELA } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import { FileScanner } from '../src/scan.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { code, modinfo, rela, toy, toyModule } from './toy-architecture.ts';

const folder = new TemporaryFolder();

const module = toyModule([code(), rela(1, [{ type: 1 }, { type: 2 }]), modinfo('6.1.0 SMP')]);

async function scan(...files: readonly string[]): Promise<Census> {
  const builder = new CensusBuilder();
  const scanner = new FileScanner([toy], builder);
  for (const file of files) await scanner.scan(file);
  return builder.census();
}

test('files are counted, compressed or not', async () => {
  const census = await scan(folder.write('a.ko', module), folder.write('b.ko.gz', gzipSync(module)));
  expect(census).toMatchObject({
    failed: [],
    architectures: { toy: { modules: 2, failed: [], relocations: [{ count: 2 }, { count: 2 }] } },
  });
});

test('a kernel image is counted as one', async () => {
  const image = toyModule([code()], { type: 2 });
  expect(await scan(folder.write('vmlinux', image))).toMatchObject({
    architectures: { toy: { modules: 1, images: 1 } },
  });
});

const oddRelocations = { name: '.rela', type: SHT_RELA, info: 1, bytes: new Uint8Array(23) };

describe('a file that fails', () => {
  const files: readonly (readonly [what: string, code: string, bytes: Uint8Array, attributed: boolean])[] = [
    ['an empty one', 'elf/truncated', new Uint8Array(), false],
    ['one that is no ELF file', 'elf/not-elf', new TextEncoder().encode('# a script'), false],
    ['one that is cut in its header', 'elf/truncated', module.subarray(0, 30), false],
    ['one that is cut behind its header', 'elf/outside-file', module.subarray(0, 100), true],
    ['one that is cut at its end', 'elf/outside-file', module.subarray(0, module.length - 1), true],
    ['one of another machine', 'architecture/unsupported', toyModule([code()], { machine: 258 }), false],
    [
      'one of another byte order',
      'architecture/unsupported',
      toyModule([code()], { byteOrder: 'big' }),
      false,
    ],
    ['one with damaged compression', 'file/damaged-compression', gzipSync(module).subarray(0, 40), false],
    ['one with damaged relocations', 'elf/relocation-table', toyModule([code(), oddRelocations]), true],
  ];

  test.each(files)(
    '%s is listed with %s, and the scan goes on',
    async (_what, errorCode, bytes, attributed) => {
      const [damaged, sound] = [folder.write('a.ko', bytes), folder.write('b.ko', module)];
      const census = await scan(damaged, sound);
      const listed = attributed ? census.architectures['toy']?.failed : census.failed;
      expect(listed).toMatchObject([{ file: damaged, code: errorCode }]);
      expect(census.architectures['toy']?.modules).toBe(1);
    },
  );

  test('is not counted as a module', async () => {
    expect((await scan(folder.write('a.ko', module.subarray(0, 100)))).architectures['toy']).toMatchObject({
      modules: 0,
      kernels: [],
      relocations: [],
    });
  });

  test.each([
    ['that is missing', 'none.ko', 'file/not-found'],
    ['that is a folder', '', 'file/not-a-file'],
  ])('%s is listed', async (_what, name, errorCode) => {
    expect((await scan(folder.at(name))).failed).toMatchObject([{ file: folder.at(name), code: errorCode }]);
  });
});

test('an error that is no KelpError ends the scan', async () => {
  const broken = {
    ...toy,
    specialSection: () => {
      throw new TypeError('a bug');
    },
  };
  const scanner = new FileScanner([broken], new CensusBuilder());
  await expect(scanner.scan(folder.write('a.ko', module))).rejects.toThrow(TypeError);
});
