import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixture, fixtures, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

function at(name: string): string {
  return `${folder.path}/${name}`;
}

/** Scan into a file of the folder. */
async function scanTo(name: string, ...args: readonly string[]): Promise<string> {
  expect(await run('scan', ...args, '--jobs', '1', '-o', at(name))).toEqual({
    status: 0,
    out: '',
    error: '',
  });
  return at(name);
}

test(
  'shards, merged in any order and in any groups, give the bytes of one scan',
  { timeout: 60_000 },
  async () => {
    const whole = readFileSync(await scanTo('whole.json', fixtures), 'utf8');
    const shards: string[] = [];
    for (const shard of [1, 2, 3, 4, 5])
      shards.push(await scanTo(`${shard}.json`, fixtures, '--shard', `${shard}/5`));
    const orders = fc.tuple(fc.shuffledSubarray(shards, { minLength: 5 }), fc.integer({ min: 0, max: 5 }));
    await fc.assert(
      fc.asyncProperty(orders, async ([order, split]) => {
        // A group of its own for the first ones: merging is associative.
        const group = order.slice(0, split);
        const grouped = group.length === 0 ? undefined : await run('merge', ...group, '-o', at('group.json'));
        expect(grouped?.status ?? 0).toBe(0);
        const rest = [...(group.length > 0 ? [at('group.json')] : []), ...order.slice(split)];
        expect((await run('merge', ...rest)).out === whole).toBe(true);
      }),
      { numRuns: 4 },
    );
  },
);

test('--json and --output write the same bytes', async () => {
  const file = await scanTo('census.json', fixture('x86'));
  expect((await run('scan', fixture('x86'), '--json')).out).toBe(readFileSync(file, 'utf8'));
});

test('a census that is named twice counts twice', async () => {
  const file = await scanTo('census.json', fixture('arm64/hello-6.1.ko'));
  const { out } = await run('merge', file, file);
  expect(member(JSON.parse(out), 'architectures', 'arm64', 'modules')).toBe(2);
});

test('a shard may be empty', async () => {
  const files = await Promise.all(
    [1, 2].map((shard) => scanTo(`${shard}.json`, fixture('x86/hello-6.1.ko'), '--shard', `${shard}/2`)),
  );
  const counts = files.map((file) =>
    Object.keys(Object(member(JSON.parse(readFileSync(file, 'utf8')), 'architectures'))),
  );
  expect(counts.toSorted((a, b) => a.length - b.length)).toEqual([[], ['x86']]);
});

test.each(['0/2', '3/2', '1', 'a/b', '-1/2', '1/2/3', '1/0'])('--shard %s is refused', async (shard) => {
  const { status, error } = await run('scan', fixture('x86'), '--shard', shard);
  expect([status, error]).toEqual([2, expect.stringContaining('expected PART/PARTS')]);
});

test('a census of another version names both versions and what to do', async () => {
  const other = folder.write('other.json', '{ "schema": 0, "architectures": {}, "failed": [] }');
  const sound = await scanTo('sound.json', fixture('x86/hello-6.1.ko'));
  const { status, out, error } = await run('merge', sound, other);
  expect([status, out]).toEqual([2, '']);
  expect(error).toMatch(
    /other\.json.*census schema is 0, expected \d+.*scan the modules again.*\(census\/schema\)/u,
  );
});

test.each([
  ['cut short', '{ "schema": 2, "architec', 'census/damaged'],
  ['no census', '[]', 'census/damaged'],
])('a file that is %s is refused, and the output stays as it was', async (_what, text, code) => {
  const output = folder.write('output.json', 'before');
  const { status, error } = await run('merge', folder.write('damaged.json', text), '-o', output);
  expect([status, error]).toEqual([2, expect.stringContaining(`(${code})`)]);
  expect(readFileSync(output, 'utf8')).toBe('before');
});

test('a census that does not exist is named', async () => {
  const { status, error } = await run('merge', at('none.json'));
  expect([status, error]).toEqual([2, expect.stringContaining('none.json')]);
});

test('an output that cannot be written is an error, not a census lost in silence', async () => {
  const { status, error } = await run('scan', fixture('x86/hello-6.1.ko'), '-o', at('none/census.json'));
  expect([status, error]).toEqual([2, expect.stringContaining('(output/unwritable)')]);
});

test('--parquet writes the tables to a new folder', async () => {
  const census = await scanTo('census.json', fixture('x86'));
  expect(await run('merge', census, '--parquet', at('tables'))).toEqual({ status: 0, out: '', error: '' });
  const names = readdirSync(at('tables'));
  expect(names).toContain('function_keys.parquet');
  for (const name of names) expect(readFileSync(at(`tables/${name}`), 'latin1')).toMatch(/^PAR1[^]*PAR1$/u);
  const again = await run('merge', census, '--parquet', at('tables'));
  expect([again.status, again.error]).toEqual([2, expect.stringContaining('(output/folder)')]);
});
