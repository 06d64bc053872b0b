import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKelpError } from '@kelp/core';
import { formatSymbolList } from '@kelp/livepatch';
import { array, assert, constantFrom, nat, property, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { fixture, json, listWith, member, run } from '../run.ts';
import { TemporaryFolder } from '../temporary-folder.ts';
import { bytesOf, convert, livepatchContents, livepatches, symbols, unconverted } from './marked-fixture.ts';

const folder = new TemporaryFolder();

test.each(livepatches)('kelp convert: %s', async (name) => {
  const input = folder.write('in.ko', unconverted(bytesOf(name), 'v7'));
  const list = folder.write('symbols.klp', formatSymbolList(symbols.objects));
  const output = join(folder.path, 'out.ko');
  const { status, error } = await run('convert', input, '-o', output, '--symbols', list);
  expect([status, error]).toStrictEqual([0, '']);
  expect(livepatchContents(readFileSync(output))).toEqual(livepatchContents(bytesOf(name)));
  const inspected = await run('inspect', output);
  expect([inspected.status, inspected.error]).toStrictEqual([0, '']);
  // In place, and once more: nothing is left to do.
  const before = readFileSync(output);
  expect((await run('convert', output, '-o', output)).out).toContain('the file is converted already');
  expect(Buffer.compare(readFileSync(output), before)).toBe(0);
});

test('kelp convert: what is refused leaves the output as it was', async () => {
  const input = folder.write('in.ko', unconverted(bytesOf('x86/livepatch-6.1'), 'v7'));
  const list = folder.write('symbols.klp', 'klp-convert-symbol-data.0.1\n*vmlinux\nstate\nstate\n');
  const output = folder.write('out.ko', 'as it was');
  const { status, out } = await run('convert', input, '-o', output, '--symbols', list);
  expect(status).toBe(1);
  expect(out).toContain('convert/unknown-symbol');
  expect(readFileSync(output, 'utf8')).toBe('as it was');
  expect(readdirSync(folder.path).toSorted()).toStrictEqual(['in.ko', 'out.ko', 'symbols.klp']);
});

test('kelp convert --json', async () => {
  const output = join(folder.path, 'out.ko');
  const result = await json('convert', fixture('x86/livepatch-7.3.ko'), '-o', output);
  expect(result).toMatchObject({
    schema: 1,
    dialect: 'objtool',
    converted: true,
    sections: [],
    findings: [],
  });
  const marked = folder.write('in.ko', unconverted(bytesOf('arm64/livepatch-7.3'), 'minimal'));
  const converted = await json('convert', marked, '-o', output);
  expect(member(converted, 'symbols')).toEqual(
    listWith(
      { object: 'vmlinux', name: 'state', sympos: '2' },
      { object: 'hello', name: 'next_state', sympos: '1' },
    ),
  );
  expect(member(converted, 'sections')).toEqual(
    listWith({ name: '.klp.rela.hello.text', object: 'hello', target: '.text', count: 4 }),
  );
});

test.each([
  [['convert', 'missing.ko', '-o', 'x'], /missing\.ko/u],
  [['convert', fixture('x86/hello-6.1.ko'), '-o', 'x'], /give --symbols \(convert\/no-symbols\)/u],
  [['convert', fixture('x86/hello-6.1.ko')], /required option '-o, --output <file>'/u],
  [['convert', fixture('x86/hello-6.1.ko'), '-o', 'x', '--dialect', 'v8'], /Allowed choices are/u],
])('%j ends with status 2', async (args, message) => {
  const { status, out, error } = await run(...args);
  expect([status, out]).toStrictEqual([2, '']);
  expect(error).toMatch(message);
});

test('kelp convert: an output that cannot be written is an error', async () => {
  const { status, error } = await run('convert', fixture('x86/livepatch-7.3.ko'), '-o', folder.path);
  expect(status).toBe(2);
  expect(error).toContain('output/not-a-file');
  writeFileSync(join(folder.path, 'file'), '');
  const inside = await run('convert', fixture('x86/livepatch-7.3.ko'), '-o', join(folder.path, 'file', 'x'));
  expect([inside.status, inside.error]).toEqual([2, expect.stringContaining('output/unwritable')]);
});

/** What converting damaged bytes throws, unless it is a KelpError. */
function surprise(bytes: Uint8Array): unknown {
  try {
    convert(bytes, { symbols, release: '7.3.0' });
    return undefined;
  } catch (error) {
    return isKelpError(error) ? undefined : error;
  }
}

const marked = ['v7', 'minimal', 'objtool'].flatMap((dialect) =>
  ['x86/livepatch-7.3', 's390x/livepatch-7.3'].map((name) =>
    unconverted(bytesOf(name), dialect === 'v7' ? 'v7' : dialect === 'minimal' ? 'minimal' : 'objtool'),
  ),
);

test('bytes changed anywhere in a livepatch raise only a KelpError', { timeout: 60_000 }, () => {
  assert(
    property(
      constantFrom(...marked),
      array(tuple(nat(0xff_ffff), nat(0xff)), { minLength: 1, maxLength: 12 }),
      (whole, changes) => {
        const bytes = whole.slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        expect(surprise(bytes)).toBeUndefined();
      },
    ),
    { numRuns: 500 },
  );
});
