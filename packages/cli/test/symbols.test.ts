import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

it.each(['x86', 'ppc64le', 's390x', 'arm64'])('kelp symbols: a module of %s', async (architecture) => {
  const { status, out, error } = await run('symbols', fixture(`${architecture}/hello-6.1.ko`));
  expect([status, error]).toStrictEqual([0, '']);
  const lines = out.split('\n');
  expect(lines.slice(0, 2)).toStrictEqual(['klp-convert-symbol-data.0.1', '*hello']);
  expect(lines).toContain('init_module');
});

it('kelp symbols -o: the list is read again as an input', async () => {
  const map = folder.write('System.map', 'ff20 T printk\nff10 t first\n');
  const output = join(folder.path, 'symbols.klp');
  expect(await run('symbols', map, fixture('x86/hello-6.1.ko'), '-o', output)).toMatchObject({
    status: 0,
    out: '',
  });
  expect((await run('symbols', output)).out).toBe(readFileSync(output, 'utf8'));
  const objects = list(await json('symbols', output), 'objects');
  expect(objects.map((object) => member(object, 'object'))).toStrictEqual(['vmlinux', 'hello']);
});

it('kelp symbols: what cannot be read is named', async () => {
  const bad = folder.write('bad', 'klp-convert-symbol-data.0.1\nf\n');
  const { status, out, error } = await run('symbols', bad);
  expect([status, out]).toStrictEqual([2, '']);
  expect(error).toMatch(
    /bad: .*line 2: a symbol stands before any line \*OBJECT \(symbol-list\/no-object\)\n$/u,
  );
});
