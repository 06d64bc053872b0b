import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { list, member, run, textLike } from './run.ts';
import { makeCapture, regionPath, type SmallCapture } from './small-capture.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

function capture(name: string): SmallCapture {
  return makeCapture(join(folder.path, 'capture'), name);
}

async function verified(source: string): Promise<unknown> {
  const { out, error } = await run('verify', source, '--json');
  expect(error).toBe('');
  const result: unknown = JSON.parse(out);
  return {
    machine: member(result, 'machine'),
    modules: member(result, 'modules'),
    failed: member(result, 'failed'),
  };
}

describe('a capture of a capture', () => {
  test.each(['x86/special-6.12.ko', 'ppc64le/hello-6.1.ko', 's390x/hello-7.3.ko', 'arm64/special-6.1.ko'])(
    'gives the same result: %s',
    async (name) => {
      const made = capture(name);
      const copy = join(folder.path, 'copy');
      const { status, out, error } = await run('capture', '--from', made.folder, copy, '--json');
      expect([status, error]).toEqual([0, '']);
      expect(JSON.parse(out)).toMatchObject({
        schema: 1,
        folder: copy,
        modules: 1,
        missing: [],
        withoutFile: [],
      });
      expect(await verified(copy)).toEqual(await verified(made.folder));
      expect((await run('verify', copy)).status).toBe(0);
      expect(readFileSync(join(copy, 'modules', `${made.module}.ko`))).toEqual(readFileSync(made.file));
    },
  );

  test('says what it wrote', async () => {
    const made = capture('x86/hello-6.1.ko');
    const copy = join(folder.path, 'copy');
    const { status, out } = await run('capture', '--from', made.folder, copy);
    expect([status, out]).toEqual([0, textLike(/Modules: +1\n +Bytes: +\d+\n/u)]);
    expect(readdirSync(copy).toSorted()).toEqual([
      'auxv.bin',
      'cpuinfo.txt',
      'kallsyms.txt.gz',
      'memory',
      'modules',
      'modules.txt',
      'percpu.json',
      'regions.json',
      'sections.json',
      'version',
    ]);
  });

  test('never overwrites a folder', async () => {
    const made = capture('x86/hello-6.1.ko');
    const { status, error } = await run('capture', '--from', made.folder, made.folder);
    expect([status, error]).toEqual([2, textLike(/exists already; give a new folder \(output\/folder\)/u)]);
    const below = await run('capture', '--from', made.folder, join(folder.path, 'no', 'folder'));
    expect([below.status, below.error]).toEqual([
      2,
      textLike(/cannot be created: .*ENOENT.* \(output\/folder\)/u),
    ]);
  });

  test('lists memory and files that it could not take', async () => {
    const made = capture('x86/hello-6.1.ko');
    writeFileSync(join(made.folder, 'regions.json'), '{}');
    rmSync(regionPath(made.folder, made.module, made.loaded.image.textAddress));
    const sections = readFileSync(join(made.folder, 'sections.json'), 'utf8');
    const { path = '' } = made.sections.get('.text') ?? {};
    const file = path.slice(made.folder.length + 1);
    writeFileSync(join(made.folder, 'sections.json'), sections.replace(`,"file":"${file}"`, ''));
    rmSync(made.file);
    const copy = join(folder.path, 'copy');
    const { status, out } = await run('capture', '--from', made.folder, copy);
    expect(status).toBe(1);
    expect(out).toContain('not readable: hello .text');
    expect(out).toContain('no file of module hello');
    const again = await run('capture', '--from', made.folder, `${copy}-2`, '--json');
    expect(list(JSON.parse(again.out), 'missing')).toEqual(['hello .text']);
    expect(list(JSON.parse(again.out), 'withoutFile')).toEqual(['hello']);
  });

  test('of a source that is none writes nothing', async () => {
    const copy = join(folder.path, 'copy');
    const { status, error } = await run('capture', '--from', join(folder.path, 'nowhere'), copy);
    expect([status, error]).toEqual([2, textLike(/\(file\/not-found\)/u)]);
    expect(existsSync(copy)).toBe(false);
  });
});
