import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { SHF_ALLOC, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { fixture, fixtures, json, list, member, run, runWith, textLike } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

describe('a module that its kernel accepts', () => {
  test('on a terminal', async () => {
    const { status, out, error } = await run('inspect', fixture('s390x/livepatch-7.3.ko'));
    expect([status, error]).toEqual([0, '']);
    await expect(out.replaceAll(fixtures, '')).toMatchFileSnapshot('golden/inspect.txt');
  });

  test('as JSON', async () => {
    const value = await json('inspect', fixture('x86/hello-6.1.ko'));
    expect(value).toMatchObject({
      schema: 1,
      architecture: 'x86',
      byteOrder: 'little',
      type: 1,
      kernel: textLike(/^6\.1\./u),
      vermagic: textLike(/^6\.1\./u),
      loader: { accepted: true, refused: [] },
    });
    expect(list(value, 'relocations')).toContainEqual(
      expect.objectContaining({ type: 4, name: 'R_X86_64_PLT32' }),
    );
    expect(list(value, 'specialSections')).toContainEqual(
      expect.objectContaining({ name: '__mcount_loc', known: true, entrySize: 8, decoded: null }),
    );
    expect(list(value, 'neededSymbols')).toContain('_printk');
  });

  test('with color and in the width of a terminal', async () => {
    const { out } = await runWith({ width: 80, color: true }, 'inspect', fixture('x86/hello-6.1.ko'));
    expect(out).toContain('\u001b[32m');
    const widths = out.split('\n').map((line) => stripVTControlCharacters(line).length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });

  test('compressed is the same', async () => {
    const path = folder.write('hello.ko.gz', gzipSync(readFileSync(fixture('arm64/hello-6.1.ko'))));
    const [packed, plain] = [await run('inspect', path), await run('inspect', fixture('arm64/hello-6.1.ko'))];
    expect(packed.out.replace(path, '')).toBe(plain.out.replace(fixture('arm64/hello-6.1.ko'), ''));
  });
});

describe('--kernel and --config', () => {
  const pcrel = fixture('ppc64le/pcrel-6.12.ko');

  test('a module is refused where the configuration is not the one that it needs', async () => {
    const { status, out } = await run('inspect', pcrel);
    expect(status).toBe(1);
    expect(out).toMatch(/^Loader: 6\.12\.\d+ refuses the module with ENOEXEC; \d+ reasons:$/mu);
    expect(out).toMatch(/ENOEXEC +\.text +0x\w+ +R_PPC64_REL24_NOTOC +_printk/u);
  });

  test('and accepted where it is', async () => {
    const { status, out } = await run('inspect', pcrel, '--config', fixture('ppc64le/pcrel-6.12.config'));
    expect(status).toBe(0);
    expect(out).toMatch(/^Loader: 6\.12\.\d+ accepts every relocation\.$/mu);
  });

  test('another kernel than that of vermagic judges', async () => {
    const value = await json('inspect', fixture('x86/special-6.1.ko'), '--kernel', '7.3-rc7');
    expect(value).toMatchObject({ kernel: '7.3-rc7', vermagic: textLike(/^6\.1\./u) });
    // struct alt_instr has grown from 12 to 14 bytes; the file has the old one.
    expect(list(value, 'specialSections')).toContainEqual(
      expect.objectContaining({ name: '.altinstructions', entrySize: 12, foreignLayout: true }),
    );
    expect(list(value, 'findings')).toContainEqual(
      expect.objectContaining({
        code: 'special-section/foreign-layout',
        place: { section: '.altinstructions', offset: 0 },
      }),
    );
  });

  test('that cannot be read end with 2', async () => {
    const module = fixture('x86/hello-6.1.ko');
    const empty = folder.write('empty.config', '# CONFIG_SMP is not set\n');
    const runs = await Promise.all([
      run('inspect', module, '--kernel', 'latest'),
      run('inspect', module, '--config', `${folder.path}/none`),
      run('inspect', module, '--config', empty),
    ]);
    expect(runs.map(({ status, out }) => [status, out])).toEqual([
      [2, ''],
      [2, ''],
      [2, ''],
    ]);
    expect(runs.map(({ error }) => /\(([\w/-]+)\)\n$/u.exec(error)?.[1])).toEqual([
      'kernel/release',
      'file/not-found',
      'kernel/configuration',
    ]);
  });
});

describe('--entries', () => {
  const module = fixture('x86/special-6.12.ko');

  test('decodes the entries of all special sections', async () => {
    const { out } = await run('inspect', module, '--entries');
    expect(out).toMatch(/^Entries of \.altinstructions:\n {2}entry +instrOffset +replOffset +cpuid +flags/mu);
    expect(out).toContain('Entries of __bug_table:');
  });

  test('decodes those of one section', async () => {
    const { out } = await run('inspect', module, '--entries', '.altinstructions');
    expect(out.match(/^Entries of .*/gmu)).toEqual(['Entries of .altinstructions:']);
  });

  test('may stand before the file', async () => {
    expect(await run('inspect', '--entries', module)).toEqual(await run('inspect', module, '--entries'));
    expect(await run('inspect', '--entries', '.altinstructions', module)).toEqual(
      await run('inspect', module, '--entries', '.altinstructions'),
    );
  });

  test('as JSON: fields by name', async () => {
    const value = await json('inspect', module, '--entries', '.altinstructions');
    const sections = list(value, 'specialSections').filter((one) => member(one, 'decoded') !== null);
    expect(sections.map((one) => member(one, 'name'))).toEqual(['.altinstructions']);
    expect(list(sections[0], 'decoded', 0).map((field) => member(field, 'field'))).toEqual([
      'instrOffset',
      'replOffset',
      'cpuid',
      'flags',
      'instrlen',
      'replacementlen',
    ]);
  });

  test('of a section that is not there is noted', async () => {
    const { status, out } = await run('inspect', module, '--entries', '.nope');
    expect(status).toBe(0);
    expect(out).toContain('special-section/no-entries');
  });
});

describe('a file that cannot be read ends with 2 and names file and code', () => {
  test.each([
    ['nowhere.ko', undefined, 'file/not-found'],
    ['empty.ko', Buffer.alloc(0), 'elf/'],
    ['text.ko', Buffer.from('not a module'), 'elf/'],
    ['cut.ko', readFileSync(fixture('x86/hello-6.1.ko')).subarray(0, 2000), 'elf/'],
    ['bad.ko.gz', Buffer.from('1f8b0800000000000003ffff', 'hex'), 'file/damaged-compression'],
    [
      'sparc.ko',
      writeObjectFile({ machine: 43, byteOrder: 'big', sections: [] }),
      'architecture/unsupported',
    ],
  ])('%s', async (name, bytes, code) => {
    const path = bytes === undefined ? `${folder.path}/${name}` : folder.write(name, bytes);
    const { status, out, error } = await run('inspect', path);
    expect([status, out]).toEqual([2, '']);
    expect(error.startsWith(`kelp: ${path}: `)).toBe(true);
    expect(error).toContain(`(${code}`);
    expect(error.trimEnd()).not.toContain('\n');
  });

  test('and a folder', async () => {
    const { status, error } = await run('inspect', fixtures);
    expect(status).toBe(2);
    expect(error).toContain('(file/not-a-file)');
  });
});

test('names from the file cannot move the cursor', async () => {
  const bytes = writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      { name: '.\u001b[2J\nevil', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(4) },
      {
        name: '.modinfo',
        type: SHT_PROGBITS,
        flags: SHF_ALLOC,
        bytes: Buffer.from('vermagic=6.1\0author=\u001b]0;title\u0007\0'),
      },
    ],
    symbols: [{ name: '\u009b31msymbol', binding: 1, section: 0 }],
  });
  const { status, out } = await run('inspect', folder.write('evil\u001b[31m.ko', bytes));
  expect(status).toBe(0);
  expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  for (const text of [
    String.raw`.\x1b[2J\x0aevil`,
    String.raw`\x1b]0;title\x07`,
    String.raw`\x9b31msymbol`,
    String.raw`evil\x1b[31m.ko`,
  ]) {
    expect(out).toContain(text);
  }
});

test('a linked image is not judged', async () => {
  const banner = Buffer.from('Linux version 6.12.107 (builder) ');
  const sections = [{ name: '.rodata', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: banner }];
  const path = folder.write('vmlinux', writeObjectFile({ machine: 22, byteOrder: 'big', type: 2, sections }));
  expect(await json('inspect', path)).toMatchObject({
    architecture: 's390x',
    kernel: '6.12.107',
    loader: null,
    type: 2,
  });
});
