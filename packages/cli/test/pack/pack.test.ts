import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasJudge } from '../judges.ts';
import { json, list, member, run } from '../run.ts';
import { TemporaryFolder } from '../temporary-folder.ts';
import { release, smallKernel, smallModule, target } from './small-kernel.ts';

const folder = new TemporaryFolder();

function replacement(): string {
  return folder.write('build/target.ko', smallModule({ ...target, build: 9 }));
}

function successor(): string {
  const aliases = ['usb:v1234p*', 'usb:v1235p*'];
  return folder.write('build/successor.ko', smallModule({ name: 'successor', build: 9, aliases }));
}

const packed = `lib/modules/${release}/updates/kelp-fixes/target.ko`;

test('kelp pack writes a folder', async () => {
  const modules = smallKernel(folder);
  const output = join(folder.path, 'out');
  const { status, out, error } = await run(
    'pack',
    replacement(),
    '-o',
    output,
    '--modules',
    modules,
    '--name',
    'fixes',
  );
  expect([status, error]).toStrictEqual([0, '']);
  expect(out).toContain('What the package cannot stop');
  expect(readFileSync(join(output, packed))).toEqual(readFileSync(replacement()));
  expect(readFileSync(join(output, 'etc/depmod.d/kelp-fixes.conf'), 'utf8')).toContain(
    `override target ${release} updates/kelp-fixes`,
  );
  const manifest: unknown = JSON.parse(readFileSync(join(output, 'kelp-manifest.json'), 'utf8'));
  expect(member(manifest, 'modules', 0, 'replaces', 0, 'buildId')).toBe('01');
  // Nothing is overwritten.
  const again = await run('pack', replacement(), '-o', output, '--modules', modules, '--name', 'fixes');
  expect([again.status, again.error]).toEqual([2, expect.stringContaining('pack/exists')]);
});

test('kelp pack --tar writes the same files, the same every time', async () => {
  const modules = smallKernel(folder);
  const outputs = ['one.tar', 'other.tar'].map((name) => join(folder.path, name));
  for (const output of outputs)
    await run('pack', replacement(), '-o', output, '--tar', '--modules', modules, '--name', 'fixes');
  const [one, other] = outputs.map((output) => readFileSync(output));
  expect(Buffer.compare(one ?? Buffer.alloc(0), other ?? Buffer.alloc(1))).toBe(0);
  // A header of 512 bytes starts with the name; the magic is at 257.
  const headers = Array.from(
    { length: (one?.length ?? 0) / 512 },
    (_, block) => one?.toString('latin1', block * 512, block * 512 + 512) ?? '',
  );
  const names = headers
    .filter((block) => block.startsWith('ustar', 257))
    .map((block) => block.split('\0', 1)[0]);
  expect(names).toEqual(['etc/depmod.d/kelp-fixes.conf', 'kelp-manifest.json', packed]);
});

test('kelp pack: what would not work is not packed', async () => {
  const bad = folder.write('build/target.ko', smallModule({ name: 'target', build: 9 }));
  const output = join(folder.path, 'out');
  const { status, out } = await run(
    'pack',
    bad,
    '-o',
    output,
    '--modules',
    smallKernel(folder),
    '--name',
    'fixes',
  );
  expect(status).toBe(1);
  expect(out).toContain('pack/export-missing');
  expect(out).toContain('pack/alias-missing');
  expect(existsSync(output)).toBe(false);
  expect(readdirSync(folder.path).toSorted()).toEqual(['build', 'kernel']);
});

test.each([
  [['--name', '../x'], 'pack/name'],
  [['--name', 'x', '--deprecate', 'nobody=target'], 'pack/no-module'],
  [['--name', 'x', '--deprecate', 'old=nobody'], 'pack/no-replacement'],
  [['--name', 'x', '--deprecate', 'old'], 'expected OLD=NEW'],
])('kelp pack %j ends with status 2', async (options, message) => {
  const output = join(folder.path, 'out');
  const { status, error } = await run(
    'pack',
    replacement(),
    '-o',
    output,
    '--modules',
    smallKernel(folder),
    ...options,
  );
  expect([status, error]).toEqual([2, expect.stringContaining(message)]);
  expect(existsSync(output)).toBe(false);
});

async function checked(
  modules: string,
  files: readonly string[],
  ...options: readonly string[]
): Promise<unknown> {
  const output = join(folder.path, 'out');
  return json('pack', ...files, '-o', output, '--modules', modules, '--name', 'fixes', '--check', ...options);
}

function answers(result: unknown): readonly unknown[] {
  return list(result, 'check', 'checks').map((one) => [
    member(one, 'kind'),
    member(one, 'request'),
    member(one, 'ok'),
  ]);
}

describe.skipIf(!hasJudge('depmod') || !hasJudge('modprobe'))('kelp pack --check: kmod', () => {
  test('finds the replacement by name, aliases and dependents, whatever else is under updates', async () => {
    const result = await checked(smallKernel(folder), [replacement()]);
    expect(answers(result)).toEqual([
      ['name', 'target', true],
      ['alias', 'pci:v00001234d00005678sv0sd0bc0sc0i0', true],
      ['alias', 'fs-target', true],
      ['dependent', 'user_of', true],
    ]);
    expect(existsSync(join(folder.path, 'out', packed))).toBe(true);
  });

  test('finds the successor of a deprecated module by the name and the aliases of the old one', async () => {
    const result = await checked(smallKernel(folder), [successor()], '--deprecate', 'old=successor');
    expect(answers(result)).toEqual([
      ['name', 'successor', true],
      ['alias', 'usb:v1234p0', true],
      ['alias', 'usb:v1235p0', true],
      ['deprecated', 'old', true],
    ]);
  });

  test('finds nothing by an alias that the replacement has lost, and then nothing is written', async () => {
    const bad = folder.write('build/target.ko', smallModule({ ...target, aliases: ['fs-target'], build: 9 }));
    const result = await checked(smallKernel(folder), [bad]);
    expect(answers(result)).toEqual([
      ['name', 'target', true],
      ['alias', 'fs-target', true],
      ['alias', 'pci:v00001234d00005678sv0sd0bc0sc0i0', false],
      ['dependent', 'user_of', true],
    ]);
    expect(existsSync(join(folder.path, 'out'))).toBe(false);
  });
});
