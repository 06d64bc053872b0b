import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SHF_ALLOC, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { fixture, fixtures, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** A module of s390x for 6.12.107 with nothing in it but .modinfo, as xz and zstd compress it. */
const tinyXz =
  '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AE3AGpdAD+RRYRoRFRU4mvXtse8k9lF2bdBmhn0WGyFe0iqf/PM9s5Eg8Api/8oRfroYG/srjpkkVaA' +
  'Sh3WbXo1+IH5e6qTBkZrhAZJLpWSOzX8Coki/aWlqqiIL4QoXZNBMMUWpDFeLAh3mo4XFgAAAADASN57AAGCAbgCAACl+g92PjANiwIAAAAAAVla';
const tinyZst =
  'KLUv/WQ4AB0EAKQFf0VMRgICAQABABYAAAB4AEAAQAADAAJsaWNlbnNlPUdQTAB2ZXJtYWdpYz02LjEyLjEwNyBTTVAAAC5tb2RpbmZvAC5zaHN0' +
  'cnRhYgABAkAAACIKAAAAA2IUEQBDKIBnP5Ds0gzEAK5uzRF0ygHCQWcrY4gVgBAsBiuCE2iaUgAuM8YFwA==';

/** The census of these paths; whether all files could be counted does not matter. */
async function scan(...paths: readonly string[]): Promise<unknown> {
  const { out } = await run('scan', ...paths, '--json', '--jobs', '1');
  return JSON.parse(out);
}

/** File name, without the folder, and code of each failure. */
function failures(value: unknown, ...names: readonly string[]): readonly (readonly [unknown, unknown])[] {
  return list(value, ...names, 'failed').map((one) => [
    String(member(one, 'file')).replace(`${folder.path}/`, ''),
    member(one, 'code'),
  ]);
}

const count = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const exactly = (properties: Readonly<Record<string, unknown>>): object => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const listOf = (properties: Readonly<Record<string, unknown>>): object => ({
  type: 'array',
  items: exactly(properties),
});
const failed = listOf({ file: text, code: text, message: text });
const counts = {
  modules: count,
  images: count,
  failed,
  relocations: listOf({ type: count, name: text, count, modules: count }),
  sections: listOf({
    name: text,
    modules: count,
    bytes: count,
    entries: { anyOf: [count, { type: 'null' }] },
    special: { type: 'boolean' },
    known: { type: 'boolean' },
  }),
  relocationsBySection: listOf({ section: text, type: count, count }),
};
const validate = new Ajv2020({ allErrors: true }).compile(
  exactly({
    schema: { const: 2 },
    architectures: {
      type: 'object',
      propertyNames: { enum: ['x86', 'ppc64le', 's390x', 'arm64', 'loongarch64'] },
      additionalProperties: exactly({
        ...counts,
        kernels: listOf({
          release: text,
          ...counts,
          functions: { type: 'object' },
          shapes: { type: 'array' },
        }),
      }),
    },
    failed,
  }),
);

/** How often R_X86_64_PLT32 occurs. */
function calls(counted: unknown): number {
  const uses = list(counted, 'relocations').filter((use) => member(use, 'type') === 4);
  return uses.reduce<number>((sum, use) => sum + Number(member(use, 'count')), 0);
}

describe('the census as JSON', () => {
  test('of all fixtures has the members that it is documented to have', async () => {
    const census = await json('scan', fixtures);
    validate(census);
    expect(validate.errors).toBeNull();
    expect(Object.keys(Object(member(census, 'architectures')))).toEqual([
      'arm64',
      'loongarch64',
      'ppc64le',
      's390x',
      'x86',
    ]);
  });

  test('sums its kernels', async () => {
    const census = await json('scan', fixture('x86/hello-6.1.ko'), fixture('x86/hello-6.12.ko'));
    const x86 = member(census, 'architectures', 'x86');
    const kernels = list(x86, 'kernels');
    expect(kernels.map((one) => String(member(one, 'release')).split('.', 2).join('.'))).toEqual([
      '6.1',
      '6.12',
    ]);
    expect(calls(x86)).toBe(kernels.reduce<number>((sum, one) => sum + calls(one), 0));
    expect(calls(x86)).toBeGreaterThan(0);
    expect(list(x86, 'sections')).toContainEqual(
      expect.objectContaining({ name: '__mcount_loc', modules: 2, special: true, known: true }),
    );
  });

  test('counts relocations of loaded sections only', async () => {
    // readelf -SrW x86/relocations-6.1.ko: .text and .data have relocations, debug sections would not count.
    const census = await json('scan', fixture('x86/relocations-6.1.ko'));
    const bySection = list(census, 'architectures', 'x86', 'relocationsBySection');
    const total = bySection.reduce<number>((sum, use) => sum + Number(member(use, 'count')), 0);
    const types = list(census, 'architectures', 'x86', 'relocations');
    expect(total).toBe(types.reduce<number>((sum, use) => sum + Number(member(use, 'count')), 0));
    expect(types.map((use) => member(use, 'name'))).toEqual(
      ['NONE', '64', 'PC32', 'PLT32', '32', '32S', 'PC64'].map((name) => `R_X86_64_${name}`),
    );
  });

  test('is the same whatever the order of the paths', async () => {
    const [one, other] = [fixture('arm64/hello-6.1.ko'), fixture('s390x')];
    expect(await run('scan', one, other, '--json')).toEqual(await run('scan', other, one, '--json'));
  });
});

describe('paths', () => {
  test('may be folders with folders, files of any name, and several architectures at once', async () => {
    mkdirSync(join(folder.path, 'lib/kernel/drivers'), { recursive: true });
    copyFileSync(fixture('x86/hello-6.1.ko'), join(folder.path, 'lib/kernel/drivers/hello.ko'));
    copyFileSync(fixture('s390x/hello-6.1.ko'), join(folder.path, 'lib/hello.ko'));
    copyFileSync(fixture('s390x/hello-6.1.ko'), join(folder.path, 'lib/hello.debug'));
    copyFileSync(fixture('arm64/hello-6.1.ko'), join(folder.path, 'module'));
    // As in /lib/modules: a link back is not followed.
    symlinkSync(folder.path, join(folder.path, 'lib/build'));
    const { status, out } = await run(
      'scan',
      join(folder.path, 'lib'),
      join(folder.path, 'module'),
      '--json',
    );
    expect(status).toBe(0);
    const architectures = member(JSON.parse(out), 'architectures');
    expect(Object.entries(Object(architectures)).map(([id, one]) => [id, member(one, 'modules')])).toEqual([
      ['arm64', 1],
      ['s390x', 1],
      ['x86', 1],
    ]);
  });

  test('may be compressed modules', async () => {
    folder.write('hello.ko.gz', gzipSync(readFileSync(fixture('x86/hello-6.1.ko'))));
    folder.write('tiny.ko.xz', Buffer.from(tinyXz, 'base64'));
    folder.write('tiny.ko.zst', Buffer.from(tinyZst, 'base64'));
    const census = await scan(folder.path);
    expect(list(census, 'failed')).toEqual([]);
    expect(member(census, 'architectures', 's390x')).toMatchObject({
      modules: 2,
      failed: [],
      kernels: [{ release: '6.12.107' }],
    });
    const plain = await scan(fixture('x86/hello-6.1.ko'));
    expect(member(census, 'architectures', 'x86')).toEqual(member(plain, 'architectures', 'x86'));
  });

  test('may be a kernel image', async () => {
    const banner = Buffer.from('Linux version 6.12.107 (builder) ');
    const sections = [{ name: '.rodata', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: banner }];
    folder.write('boot/vmlinux', writeObjectFile({ machine: 22, byteOrder: 'big', type: 2, sections }));
    const census = await scan(folder.path);
    expect(member(census, 'architectures', 's390x')).toMatchObject({
      modules: 1,
      images: 1,
      kernels: [{ release: '6.12.107' }],
    });
  });

  test('without a module in them end with 2', async () => {
    folder.write('README', 'no module');
    const { status, out, error } = await run('scan', folder.path);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain('(scan/no-modules)');
  });
});

describe('files that cannot be counted', () => {
  const hello = readFileSync(fixture('arm64/hello-6.1.ko'));

  /** One good file and many that are not. */
  function damagedFolder(): void {
    folder.write('good.ko', hello);
    folder.write('cut.ko', hello.subarray(0, 3000));
    folder.write('empty.ko');
    folder.write('text.ko', 'not a module');
    folder.write('sparc.ko', writeObjectFile({ machine: 43, byteOrder: 'big', sections: [] }));
    folder.write('bad.ko.gz', Buffer.from('1f8b0800000000000003ffff', 'hex'));
    folder.write('cut.ko.gz', gzipSync(hello).subarray(0, 1000));
    folder.write('cut.ko.xz', Buffer.from(tinyXz, 'base64').subarray(0, 100));
    const elf32 = Uint8Array.from(hello);
    elf32[4] = 1;
    folder.write('elf32.ko', elf32);
    const beyond = Uint8Array.from(hello);
    new DataView(beyond.buffer).setBigUint64(40, 1n << 60n, true);
    folder.write('beyond.ko', beyond);
  }

  test('are listed, under their architecture where the header tells it, and the scan goes on', async () => {
    damagedFolder();
    const census = await scan(folder.path, join(folder.path, 'nowhere.ko'));
    validate(census);
    expect(validate.errors).toBeNull();
    expect(member(census, 'architectures', 'arm64', 'modules')).toBe(1);
    expect(failures(census, 'architectures', 'arm64')).toEqual([
      ['beyond.ko', expect.stringMatching(/^elf\//u)],
      ['cut.ko', expect.stringMatching(/^elf\//u)],
    ]);
    expect(failures(census)).toEqual([
      ['bad.ko.gz', 'file/damaged-compression'],
      ['cut.ko.gz', 'file/damaged-compression'],
      ['cut.ko.xz', 'file/damaged-compression'],
      ['elf32.ko', expect.stringMatching(/^elf\//u)],
      ['empty.ko', expect.stringMatching(/^elf\//u)],
      ['nowhere.ko', 'file/not-found'],
      ['sparc.ko', 'architecture/unsupported'],
      ['text.ko', expect.stringMatching(/^elf\//u)],
    ]);
  });

  test('end the scan with 2, and are named on the error stream beside the JSON', async () => {
    damagedFolder();
    const { status, out, error } = await run('scan', folder.path, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(out)).toHaveProperty('schema', 2);
    const lines = error.trimEnd().split('\n');
    expect(lines).toHaveLength(9);
    expect(lines).toContainEqual(
      expect.stringMatching(/^kelp: .*\/bad\.ko\.gz: .* \(file\/damaged-compression\)$/u),
    );
  });

  test('are listed once on a terminal', async () => {
    damagedFolder();
    const { status, out, error } = await run('scan', folder.path);
    expect(status).toBe(2);
    expect(out.match(/\/bad\.ko\.gz /gu)).toHaveLength(1);
    expect(error).toBe('kelp: 9 of the files could not be counted\n');
  });

  test('have names that cannot move the cursor', async () => {
    folder.write('evil\u001b[2J\n\u202e.ko', 'not a module');
    const [report, census] = [await run('scan', folder.path), await run('scan', folder.path, '--json')];
    const shown = String.raw`evil\x1b[2J\x0a\u202e.ko`;
    expect(report.out).toContain(shown);
    expect(census.error).toContain(shown);
    for (const printed of [report.out, report.error, census.out, census.error]) {
      expect(printed.replaceAll('\n', '')).not.toMatch(/[\p{Cc}]/u);
    }
    expect(member(list(JSON.parse(census.out), 'failed')[0], 'file')).toBe(
      `${folder.path}/evil\u001b[2J\n\u202e.ko`,
    );
  });
});

test('section names are data, not members of objects', async () => {
  const names = ['__proto__', 'constructor', 'toString'];
  const sections = names.map((name) => ({
    name,
    type: SHT_PROGBITS,
    flags: SHF_ALLOC,
    bytes: new Uint8Array(4),
  }));
  const path = folder.write('names.ko', writeObjectFile({ machine: 62, byteOrder: 'little', sections }));
  const { out } = await run('scan', path, '--json');
  const found = list(JSON.parse(out), 'architectures', 'x86', 'sections').map((one) => member(one, 'name'));
  expect(found).toEqual(expect.arrayContaining(names));
});

test('the report for people', async () => {
  const { status, out, error } = await run(
    'scan',
    fixture('x86/hello-6.1.ko'),
    fixture('s390x/hello-6.1.ko'),
  );
  expect([status, error]).toEqual([0, '']);
  expect(out).toMatch(/^ {2}architecture +kernel +files +relocations +sections +special, not known$/mu);
  expect(out).toMatch(/^ {2}s390x +6\.1\.\d+ +1 +\d+ +\d+ +0$/mu);
  expect(out).toMatch(/^ {2}x86-64 +6\.1\.\d+ +1 +\d+ +\d+ +0$/mu);
  expect(out).toMatch(/^ +4 +R_X86_64_PLT32 +\d+ +1$/mu);
  expect(out).toMatch(/^ {2}__mcount_loc +1 +\d+ +\d+ +yes$/mu);
  expect(out).not.toContain('Failed');
});
