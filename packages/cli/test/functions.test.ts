import { keyedTables } from '@kelp/census';
import { isPointer } from '@kelp/core';
import { expect, test, vi } from 'vitest';
import { architectures } from '../src/architectures.ts';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

// All fixtures are read, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 });

const folder = new TemporaryFolder();

test.each(keyedTables.map((table) => [table.section, table] as const))(
  'the fields of %s exist in every layout of every architecture',
  (section, { code, key }) => {
    const layouts = architectures.flatMap((one) => one.specialSection(section)?.layouts ?? []);
    expect(layouts.length).toBeGreaterThan(0);
    for (const { fields } of layouts) {
      const pointers = Object.entries(fields).filter(([, field]) => isPointer(field));
      expect(pointers.map(([name]) => name)).toEqual(expect.arrayContaining([code, key]));
    }
  },
);

test.each(architectures.map(({ id }) => id))('the functions of the fixtures of %s', async (id) => {
  const kernels = list(await json('functions', fixture(id)), 'kernels');
  const releases = kernels.filter((one) => member(one, 'architecture') === id);
  const sections = releases
    .flatMap((one) => list(one, 'sections'))
    .map((one) => String(member(one, 'section')));
  expect(releases.length).toBeGreaterThan(1);
  expect(sections).toContain('__jump_table');
});

test('a census and the modules give the same answer', async () => {
  const census = `${folder.path}/census.json`;
  await run('scan', fixture('x86'), '-o', census);
  expect(await run('functions', census, '--list')).toEqual(await run('functions', fixture('x86'), '--list'));
});

test('the report says how many functions would be refused', async () => {
  const { status, out } = await run('functions', fixture('x86'), '--list');
  expect(status).toBe(0);
  expect(out).toMatch(/^\d+ of \d+ functions would be refused by the livepatch tools/mu);
  expect(out).toContain('Functions that would be refused:');
});

test('a damaged file is an error, the others are counted', async () => {
  const damaged = folder.write('damaged.ko', 'no ELF');
  const { status, out, error } = await run('functions', damaged, fixture('x86/hello-6.1.ko'));
  expect([status, error]).toEqual([2, 'kelp: 1 of the files could not be counted\n']);
  expect(out).toContain('functions would be refused');
});
