import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finalizationSteps } from '@kelp/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { architectures } from '../src/architectures.ts';
import { withoutPrivileges } from '../../census/test/temporary-folder.ts';
import { fixture, json, list, member, run, textLike } from './run.ts';
import { flipByte, makeCapture, removeSymbols, type SmallCapture } from './small-capture.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** Addresses of kernel symbols in reach of the modules of s390x: data is addressed by distance. */
const nearSymbols = 0x3ff_7000_0000n;

function capture(name: string): SmallCapture {
  const near = name.startsWith('s390x/special');
  return makeCapture(join(folder.path, 'capture'), name, near ? { functions: nearSymbols } : {});
}

const ids = ['x86', 'ppc64le', 's390x', 'arm64'];
const modules = ids.flatMap((id) => [`${id}/hello-6.1.ko`, `${id}/special-6.12.ko`, `${id}/special-7.3.ko`]);

const count = { type: 'integer', minimum: 0 };
const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
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
const validate = new Ajv2020({ allErrors: true }).compile(
  exactly({
    schema: { const: 1 },
    origin: text,
    machine: exactly({
      inferred: listOf({
        kind: { enum: ['feature', 'kernel-chosen', 'livepatch'] },
        id: text,
        answer: text,
        agreeing: count,
        disagreeing: count,
      }),
    }),
    modules: listOf({
      name: text,
      architecture: { enum: ids },
      refused: { type: ['object', 'null'] },
      findings: listOf({ code: text, message: text }),
      sections: listOf({
        name: text,
        bytes: count,
        equal: count,
        explained: listOf({ cause: text, bytes: count, sites: count }),
        unexplained: listOf({
          offset: count,
          length: count,
          expected: { type: 'string', pattern: '^([0-9a-f]{2})+$' },
          actual: { type: 'string', pattern: '^([0-9a-f]{2})+$' },
          symbol: textOrNull,
        }),
      }),
      skipped: listOf({ name: text, reason: text }),
      traced: listOf({ address: text, symbol: textOrNull, tracer: text }),
    }),
    failed: listOf({ name: text, code: text, message: text, file: textOrNull, section: textOrNull }),
  }),
);

/** Verify a capture; the JSON has the documented shape, whatever the result. */
async function verify(
  { folder: source }: SmallCapture,
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly result: unknown }> {
  const { status, out, error } = await run('verify', source, ...args, '--json');
  if (status === 2) throw new Error(error);
  const result: unknown = JSON.parse(out);
  validate(result);
  expect(validate.errors).toBeNull();
  return { status, result };
}

interface Difference {
  readonly section: unknown;
  readonly offset: unknown;
  readonly length: unknown;
  readonly symbol: unknown;
}

function differences(result: unknown): readonly Difference[] {
  return list(result, 'modules').flatMap((module) =>
    list(module, 'sections').flatMap((section) =>
      list(section, 'unexplained').map((one) => ({
        section: member(section, 'name'),
        offset: member(one, 'offset'),
        length: member(one, 'length'),
        symbol: member(one, 'symbol'),
      })),
    ),
  );
}

describe('the memory that loading gives', () => {
  test.each(modules)('is explained to the last byte: %s', async (name) => {
    const { status, result } = await verify(capture(name));
    expect(differences(result)).toEqual([]);
    expect(status).toBe(0);
    const sections = list(result, 'modules', 0, 'sections');
    expect(sections.map((one) => member(one, 'name'))).toContain('.text');
    for (const section of sections) {
      const explained = list(section, 'explained').map((one) => Number(member(one, 'bytes')));
      const sum = explained.reduce((total, bytes) => total + bytes, Number(member(section, 'equal')));
      expect(sum).toBe(member(section, 'bytes'));
    }
    expect(list(result, 'failed')).toEqual([]);
  });

  test('has values that only memory tells', async () => {
    const { result } = await verify(capture('ppc64le/hello-6.1.ko'));
    expect(member(result, 'machine', 'inferred')).toEqual([
      { kind: 'kernel-chosen', id: 'kernel-toc', answer: '0xc000000001244500', agreeing: 3, disagreeing: 0 },
    ]);
  });
});

/** Names of the nearest functions at or before a place; null where none is. */
function symbolsAt(
  { functions, sections }: SmallCapture,
  section: string,
  offset: number,
): readonly unknown[] {
  const place = (sections.get(section)?.address ?? 0n) + BigInt(offset);
  const before = functions.filter(({ address }) => address <= place);
  const nearest = before.reduce((most, { address }) => (address > most ? address : most), 0n);
  return before.length === 0
    ? [null]
    : before.filter(({ address }) => address === nearest).map(({ name }) => name);
}

describe('a flipped byte of a text section', () => {
  test.each(['x86/special-6.12.ko', 'ppc64le/hello-6.1.ko', 's390x/hello-6.1.ko', 'arm64/special-6.1.ko'])(
    'is named, and nothing else: %s',
    async (name) => {
      const made = capture(name);
      const texts = [...made.sections].filter(([section]) => /^\.(?:exit\.)?text$/u.test(section));
      const place = fc.constantFrom(...texts).chain(([section, { path, size }]) =>
        fc.record({
          section: fc.constant(section),
          path: fc.constant(path),
          offset: fc.nat(size - 1),
          bits: fc.integer({ min: 1, max: 255 }),
        }),
      );
      await fc.assert(
        fc.asyncProperty(place, async ({ section, path, offset, bits }) => {
          flipByte(path, offset, bits);
          const { status, result } = await verify(made);
          flipByte(path, offset, bits);
          expect(status).toBe(1);
          const [only, ...others] = differences(result);
          expect(only).toMatchObject({ section, offset, length: 1 });
          expect(others).toEqual([]);
          expect(symbolsAt(made, section, offset)).toContain(only?.symbol);
        }),
        { numRuns: 12 },
      );
    },
    20_000,
  );

  test('is shown with place, address and symbol', async () => {
    const made = capture('x86/hello-6.1.ko');
    const section = made.sections.get('.text');
    if (section === undefined) throw new Error('no .text');
    flipByte(section.path, 0x20, 0xff);
    const { status, out } = await run('verify', made.folder);
    expect(status).toBe(1);
    const address = (section.address + 0x20n).toString(16);
    expect(out).toMatch(
      new RegExp(`^ +hello +\\.text\\+0x20 +0x${address} +\\w+\\+0x[0-9a-f]+ +\\w\\w +\\w\\w$`, 'mu'),
    );
    expect(out).toContain('Every byte is explained in 0 of 1 modules.');
  });
});

/** Every unexplained byte as section and offset. */
function unexplainedBytes(result: unknown): ReadonlySet<string> {
  const places = differences(result).flatMap(({ section, offset, length }) =>
    Array.from({ length: Number(length) }, (_, index) => `${String(section)}+${Number(offset) + index}`),
  );
  return new Set(places);
}

/** Every byte that loading wrote for one of these causes, as section and offset. */
function writtenBytes({ loaded }: SmallCapture, causes: readonly string[]): ReadonlySet<string> {
  const places = [...loaded.image.log.writes()].flatMap(({ area, offset, length, cause }) => {
    const placements = loaded.image.areas[area]?.area.placements ?? [];
    const found = placements.find((one) => offset >= one.offset && offset < one.offset + one.size);
    if (found === undefined || !causes.includes(cause)) return [];
    const start = offset - found.offset;
    return Array.from({ length }, (_, index) => `${found.section.name}+${start + index}`);
  });
  return new Set(places);
}

describe('--without', () => {
  test.each([
    ['x86/special-6.1.ko', 'alternatives', ['alternative']],
    ['x86/special-6.1.ko', 'return-thunk-sites', ['return-thunk']],
    ['x86/special-6.1.ko', 'ftrace-call-sites', ['ftrace', 'sorted-table']],
    ['arm64/special-6.12.ko', 'ftrace-call-sites', ['ftrace', 'sorted-table']],
    ['ppc64le/special-7.3.ko', 'lwsync-fixups', ['lwsync']],
    ['ppc64le/special-7.3.ko', 'ftrace-stubs', ['stub', 'kernel-chosen', 'ftrace']],
    ['s390x/special-6.12.ko', 'jump-labels', ['jump-label', 'sorted-table']],
  ])('%s: without %s exactly its sites are unexplained', async (name, step, causes) => {
    const made = capture(name);
    const { status, result } = await verify(made, '--without', step);
    expect(status).toBe(1);
    const unexplained = unexplainedBytes(result);
    expect(unexplained.size).toBeGreaterThan(0);
    const written = writtenBytes(made, causes);
    expect([...unexplained].filter((place) => !written.has(place))).toEqual([]);
    const before = bytesByCause((await verify(made, '--without', 'bug-table')).result);
    const [first = ''] = causes;
    expect(bytesByCause(result).get(first) ?? 0).toBeLessThan(before.get(first) ?? 0);
  });

  test('knows its steps', async () => {
    const made = capture('x86/hello-6.1.ko');
    const { status, out, error } = await run('verify', made.folder, '--without', 'ftrace-call-site');
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain('no finalization step is named "ftrace-call-site"; there are ');
    expect(error).toContain('(verify/unknown-step)');
    const steps = architectures.flatMap(({ finalization }) => finalization.flatMap(finalizationSteps));
    for (const { name } of steps) expect(error).toContain(name);
  });

  test('may be repeated, and stand before the source', async () => {
    const made = capture('x86/special-6.1.ko');
    const steps = ['return-thunk-sites', 'alternatives'].flatMap((step) => ['--without', step]);
    const { out } = await run('verify', '--json', ...steps, made.folder);
    const causes = bytesByCause(JSON.parse(out));
    expect([...causes.keys()]).toContain('ftrace');
    expect([...causes.keys()]).not.toContain('return-thunk');
    expect([...causes.keys()]).not.toContain('alternative');
  });
});

function bytesByCause(result: unknown): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const section of list(result, 'modules', 0, 'sections')) {
    for (const one of list(section, 'explained')) {
      const cause = String(member(one, 'cause'));
      sums.set(cause, (sums.get(cause) ?? 0) + Number(member(one, 'bytes')));
    }
  }
  return sums;
}

describe('one place or function', () => {
  test('--address shows file, prediction and memory', async () => {
    const made = capture('x86/hello-6.1.ko');
    const section = made.sections.get('.text');
    const entry = [...made.loaded.image.log.writes()].find(({ cause }) => cause === 'ftrace');
    if (section === undefined || entry === undefined) throw new Error('no ftrace site');
    const address = (made.loaded.image.textAddress + BigInt(entry.offset)).toString(16);
    const { status, out } = await run('verify', made.folder, '--address', `0x${address}`);
    expect(status).toBe(0);
    expect(out).toMatch(/^ *Section: +\.text\+0x[0-9a-f]+$/mu);
    expect(out).toMatch(/^ *Written by: +.*ftrace/mu);
    const places = list(await json('verify', made.folder, '--address', address), 'places');
    expect(places).toEqual([
      {
        module: 'hello',
        section: '.text',
        offset: entry.offset - Number(section.address - made.loaded.image.textAddress),
        symbol: { name: textLike(/^\w+$/u), offset: 0 },
        writes: ['ftrace'],
        start: textLike(/^0x[0-9a-f]+0$/u),
        file: textLike(/^[0-9a-f]{32}$/u),
        predicted: textLike(/^[0-9a-f]{32}$/u),
        memory: member(places, 0, 'predicted'),
      },
    ]);
    expect(member(places, 0, 'file')).not.toBe(member(places, 0, 'memory'));
  });

  test('--address of the PLT, which no section header names', async () => {
    const made = capture('s390x/hello-6.1.ko');
    const address = made.loaded.image.textAddress.toString(16);
    const { out } = await run('verify', made.folder, '--address', address);
    expect(out).toMatch(/Section: +\[GOT and PLT\]\+0x0$/mu);
    expect(out).toMatch(/File: +not there$/mu);
  });

  test('--address outside of all modules', async () => {
    const made = capture('x86/hello-6.1.ko');
    const { status, error } = await run('verify', made.folder, '--address', 'ffffffff81000000');
    expect([status, error]).toEqual([
      2,
      textLike(/no verified module holds 0xffffffff81000000 \(verify\/address\)/u),
    ]);
    expect((await run('verify', made.folder, '--address', 'here')).error).toContain(
      'expected a hexadecimal address',
    );
  });

  test('--functions counts by function, also as JSON', async () => {
    const made = capture('x86/hello-6.1.ko');
    const { out } = await run('verify', made.folder, '--functions');
    expect(out).toContain('Functions of hello:');
    const result = await json('verify', made.folder, '--functions');
    const functions = list(result, 'functions', 0, 'functions');
    expect(functions.length).toBeGreaterThan(3);
    for (const one of functions) {
      const bytes = list(one, 'causes').reduce<number>(
        (sum, cause) => sum + Number(member(cause, 'bytes')),
        0,
      );
      expect(bytes).toBeLessThanOrEqual(Number(member(one, 'bytes')));
      expect(out).toContain(` ${String(member(one, 'name'))} `);
    }
  });
});

describe('modules as arguments', () => {
  test('are those of the source, with - or _ as in file names', async () => {
    const made = capture('x86/hello-6.1.ko');
    renameModule(made, 'hel_lo');
    renameSync(made.file, made.file.replace('hello.ko', 'hel-lo.ko'));
    for (const name of ['hel-lo', 'hel_lo']) {
      const { status, result } = await verify(made, name);
      expect([status, member(result, 'modules', 0, 'name')]).toEqual([0, 'hel_lo']);
    }
    const { status, error } = await run('verify', made.folder, 'ext4');
    expect([status, error]).toEqual([2, textLike(/module ext4 is not loaded in .*\(verify\/not-loaded\)/u)]);
  });
});

/** Another name for the module of a capture, wherever the capture tells it. */
function renameModule({ folder: home }: SmallCapture, name: string): void {
  for (const part of ['sections.json', 'regions.json', 'percpu.json', 'modules.txt']) {
    const path = join(home, part);
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replaceAll(/"hello"|^hello/gmu, (found) => found.replace('hello', name))
        .replaceAll('memory/hello/', `memory/${name}/`),
    );
  }
  renameSync(join(home, 'memory/hello'), join(home, 'memory', name));
}

/** Change the entries of sections.json. */
function editSections(
  { folder: home, module }: SmallCapture,
  edit: (name: string, section: unknown) => readonly (readonly [string, object])[],
): void {
  const path = join(home, 'sections.json');
  const sections = Object.entries(Object(member(JSON.parse(readFileSync(path, 'utf8')), module)));
  const edited: unknown = Object.fromEntries(sections.flatMap(([name, section]) => edit(name, section)));
  writeFileSync(path, JSON.stringify({ [module]: edited }));
}

/** The one module that could not be verified: its code and message. */
async function failure(made: SmallCapture): Promise<{ readonly code: unknown; readonly message: unknown }> {
  const { status, result } = await verify(made);
  expect(status).toBe(1);
  expect(list(result, 'modules')).toEqual([]);
  const [failed] = list(result, 'failed');
  const { out } = await run('verify', made.folder);
  expect(out).toContain(String(member(failed, 'code')));
  expect(out).toContain('Every byte is explained in 0 of 1 modules.');
  return { code: member(failed, 'code'), message: member(failed, 'message') };
}

describe('a module that cannot be verified is listed with the reason', () => {
  test('memory shorter than the capture says', async () => {
    const made = capture('x86/hello-6.1.ko');
    const path = made.sections.get('.text')?.path ?? '';
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 100));
    const message = `the file has 100 bytes, the capture says ${bytes.length}`;
    expect(await failure(made)).toEqual({ code: 'memory/truncated', message });
    expect((await run('verify', made.folder)).out).toContain('.bin: the file has 100 bytes');
  });

  test('memory that the capture names and lacks', async () => {
    const made = capture('arm64/hello-6.12.ko');
    rmSync(made.sections.get('.text')?.path ?? '');
    expect(await failure(made)).toMatchObject({ code: 'memory/missing-part' });
  });

  test('a file of another build', async () => {
    const made = capture('x86/hello-6.1.ko');
    flipByte(made.sections.get('.note.gnu.build-id')?.path ?? '', 20, 1);
    const message = 'the file is another build than the loaded module hello: build IDs differ';
    expect(await failure(made)).toEqual({ code: 'verify/other-build', message });
  });

  test('no file of the module', async () => {
    const made = capture('x86/hello-6.1.ko');
    rmSync(made.file);
    expect(await failure(made)).toEqual({
      code: 'verify/no-file',
      message: 'no file of module hello was given',
    });
  });

  test('a damaged file of the module', async () => {
    const made = capture('x86/hello-6.1.ko');
    writeFileSync(made.file, readFileSync(made.file).subarray(0, 4000));
    expect(await failure(made)).toMatchObject({ code: textLike(/^elf\//u) });
  });

  test('no symbols at all', async () => {
    const made = capture('x86/hello-6.1.ko');
    rmSync(join(made.folder, 'kallsyms.txt.gz'));
    expect(await failure(made)).toMatchObject({ code: 'memory/missing-part' });
  });

  test('sections without addresses', async () => {
    const made = capture('x86/hello-6.12.ko');
    editSections(made, (name, section) =>
      name === '.data' || name === '.bss' ? [] : [[name, Object(section)]],
    );
    const kept = await verify(made);
    // One section of an area tells where the others are.
    expect(kept.status).toBe(0);
    editSections(made, () => []);
    const { code, message } = await failure(made);
    expect(code).toBe('verify/no-address');
    expect(message).toContain('no address is known of ');
    expect(message).toContain('.data');
  });

  test('sections whose addresses the kernel hides', async () => {
    const made = capture('x86/hello-6.12.ko');
    editSections(made, (name, section) => [[name, { address: '0x0', size: member(section, 'size') }]]);
    expect(await failure(made)).toMatchObject({ code: 'verify/no-address' });
  });
});

test('a symbol that is missing: the module is refused as the kernel would, and nothing is called explained', async () => {
  const made = capture('x86/hello-6.1.ko');
  removeSymbols(made, '_printk');
  const { status, result } = await verify(made);
  expect(status).toBe(1);
  expect(member(result, 'modules', 0, 'refused')).toMatchObject({ errno: 'ENOENT', symbol: '_printk' });
  const { out } = await run('verify', made.folder);
  expect(out).toMatch(/^ +hello +ENOENT +_printk /mu);
  expect(out).not.toContain('Every byte is explained.');
});

test('memory that was not captured is listed, not taken for explained', async () => {
  const made = capture('x86/hello-6.1.ko');
  writeFileSync(join(made.folder, 'regions.json'), '{}');
  editSections(made, (name, section) => [
    [name, { ...Object(section), ...(name === '.rodata' ? { file: undefined } : {}) }],
  ]);
  const { status, result } = await verify(made);
  expect(status).toBe(1);
  expect(differences(result)).toEqual([]);
  expect(list(result, 'modules', 0, 'skipped')).toContainEqual({
    name: '.rodata',
    reason: 'not in the memory that was given',
  });
  const { out } = await run('verify', made.folder);
  expect(out).toMatch(/Not in the memory that was given\n +module +section\n +hello +\.rodata$/mu);
});

describe('a source that cannot be read ends with 2', () => {
  test.each([
    [[], 'give a source, or --live (verify/no-source)'],
    [['nowhere'], 'nowhere: '],
    [['nowhere', '--modules', fixture('x86')], '(file/not-found)'],
    [
      [fixture('x86')],
      'no capture folder: it has no sections.json and no modules.txt (memory/not-a-capture)',
    ],
    [
      [fixture('x86/hello-6.1.ko')],
      'a dump brings no module files; give their folder with --modules (verify/no-modules)',
    ],
    [[fixture('x86/hello-6.1.ko'), '--modules', fixture('x86')], '(memory/'],
    [[fixture('x86/hello-6.1.ko'), '--modules', 'nowhere'], '(file/not-found)'],
    [[fixture('x86/hello-6.1.ko'), '--modules', fixture('x86/hello-6.1.ko')], '(file/not-a-folder)'],
  ])('%j', async (args, message) => {
    const { status, out, error } = await run('verify', ...args);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(message);
  });

  test('without permission', async () => {
    const made = capture('x86/hello-6.1.ko');
    chmodSync(join(made.folder, 'sections.json'), 0);
    chmodSync(folder.path, 0o755);
    const { status, error } = await withoutPrivileges(async () => await run('verify', made.folder));
    expect([status, error]).toEqual([
      2,
      textLike(/sections\.json: permission denied \(memory\/permission\)/u),
    ]);
  });

  test('truncated lists', async () => {
    const made = capture('x86/hello-6.1.ko');
    const path = join(made.folder, 'sections.json');
    writeFileSync(path, readFileSync(path).subarray(0, 100));
    expect((await run('verify', made.folder)).error).toContain('(memory/damaged-capture)');
  });
});

test('a kernel without modules', async () => {
  folder.write('empty/sections.json', '{}');
  folder.write('empty/modules.txt', '');
  const { status, out } = await run('verify', join(folder.path, 'empty'));
  expect([status, out]).toEqual([0, textLike(/No module is loaded\./u)]);
});
