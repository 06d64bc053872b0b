import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkPackage, planPackage, writePackage, type KmodRun, type RunKmod } from '../../src/index.ts';
import { moduleInput } from './small-module.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp pack '));
});
afterEach(() => rmSync(folder, { recursive: true }));

const release = '6.1.0-50-amd64';
const input = {
  name: 'fixes',
  modules: [moduleInput({ name: 'target', buildId: 'aa', aliases: ['pci:v00001234d*sv[0-9]*'] })],
  replaced: [moduleInput({ name: 'target', buildId: 'bb', aliases: ['pci:v00001234d*sv[0-9]*'] })],
  deprecated: new Map<string, string>(),
};
const packed = `lib/modules/${release}/updates/kelp-fixes/target.ko`;

/** A modules folder with what depmod makes of it, before the package is there. */
function kernel(...files: readonly string[]): string {
  const modules = join(folder, 'modules');
  for (const file of files) {
    mkdirSync(join(modules, file, '..'), { recursive: true });
    writeFileSync(join(modules, file), '');
  }
  return modules;
}

/** Stands for kmod: depmod finds the dependents, and modprobe answers with files below the root. */
function kmod(dependencies: string, answers: Readonly<Record<string, readonly string[]>>) {
  const asked: string[][] = [];
  const run: RunKmod = (program, args): KmodRun => {
    asked.push([program, ...args]);
    const root = args[1] ?? '';
    if (program === 'depmod') {
      writeFileSync(join(root, 'lib/modules', release, 'modules.dep'), dependencies);
      return { ok: true, out: '', error: '' };
    }
    const files = answers[args.at(-1) ?? ''];
    const out = (files ?? []).map((file) => `insmod ${root}/${file} option=1\n`).join('');
    return { ok: files !== undefined, out, error: '' };
  };
  return { run, asked };
}

const dependencies =
  'updates/kelp-fixes/target.ko:\nkernel/user-of.ko: updates/kelp-fixes/target.ko kernel/base.ko\n';

test('a module, its aliases and its dependents have to lead to the new file', () => {
  const modules = kernel('kernel/target.ko', 'modules.order', 'modules.dep');
  const { run, asked } = kmod(dependencies, {
    target: [packed],
    'pci:v00001234d0sv00': [packed],
    user_of: ['lib/modules/x/kernel/base.ko', packed, 'lib/modules/x/kernel/user-of.ko'],
  });
  const verdict = checkPackage(input, planPackage(input), modules, run);
  expect(verdict.failed).toBeUndefined();
  expect(verdict.checks.map(({ kind, request, ok }) => [kind, request, ok])).toEqual([
    ['name', 'target', true],
    ['alias', 'pci:v00001234d0sv00', true],
    ['dependent', 'user_of', true],
  ]);
  // Only aliases are subject to the blacklist, as when the kernel asks.
  expect(asked.map((args) => args.includes('--use-blacklist'))).toEqual([false, false, true, false]);
  // The scratch root is gone.
  expect(
    readdirSync(join(asked[0]?.[2] ?? '', '..')).filter((name) => asked[0]?.[2]?.endsWith(name)),
  ).toEqual([]);
});

test('the old file, both files, or nothing at all are wrong', () => {
  const old = `lib/modules/${release}/kernel/target.ko`;
  const { run } = kmod(dependencies, { target: [old], user_of: [old, packed] });
  const { checks } = checkPackage(input, planPackage(input), kernel('kernel/target.ko'), run);
  expect(checks.map(({ kind, loads, ok }) => [kind, loads, ok])).toEqual([
    ['name', [old], false],
    ['alias', [], false],
    ['dependent', [old, packed], false],
  ]);
});

test('a depmod that fails says why', () => {
  const run: RunKmod = () => ({ ok: false, out: '', error: 'depmod: ERROR: no space\n' });
  expect(checkPackage(input, planPackage(input), kernel('kernel/target.ko'), run)).toEqual({
    checks: [],
    failed: 'depmod: ERROR: no space',
  });
});

test('the scratch root links what is there, without what depmod makes and without an older package', () => {
  const modules = kernel(
    'kernel/a.ko',
    'modules.order',
    'modules.dep',
    'updates/dkms/b.ko',
    'updates/kelp-fixes/old.ko',
  );
  const seen: unknown[] = [];
  const run: RunKmod = (_program, args) => {
    const tree = join(args[1] ?? '', 'lib/modules', release);
    seen.push(readdirSync(tree).toSorted(), readdirSync(join(tree, 'updates')).toSorted());
    seen.push(readdirSync(join(tree, 'updates/kelp-fixes')), readlinkSync(join(tree, 'kernel')));
    return { ok: false, out: '', error: 'enough' };
  };
  checkPackage(input, planPackage(input), modules, run);
  expect(seen).toEqual([
    ['kernel', 'modules.order', 'updates'],
    ['dkms', 'kelp-fixes'],
    ['target.ko'],
    join(modules, 'kernel'),
  ]);
});

test('a folder that is missing is an error, and the scratch root is gone', () => {
  const { run } = kmod('', {});
  expect(() => checkPackage(input, planPackage(input), join(folder, 'missing'), run)).toThrow(
    expect.objectContaining({ code: 'file/not-found' }),
  );
});

test('a package is written as a whole or not at all', () => {
  const { entries } = planPackage(input);
  const output = join(folder, 'package');
  writePackage(output, entries);
  const files = readdirSync(output, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(
    files.map(({ parentPath, name }) => join(parentPath, name).slice(output.length + 1)).toSorted(),
  ).toEqual(entries.map(({ path }) => path));
  expect(() => writePackage(output, entries)).toThrow(expect.objectContaining({ code: 'pack/exists' }));
  const evil = [...entries, { path: '../../evil', bytes: new Uint8Array() }];
  expect(() => writePackage(join(folder, 'other'), evil)).toThrow(
    expect.objectContaining({ code: 'pack/path' }),
  );
  const twice = [...entries, ...entries];
  expect(() => writePackage(join(folder, 'other'), twice)).toThrow(
    expect.objectContaining({ code: 'output/unwritable' }),
  );
  expect(readdirSync(folder)).toEqual(['package']);
});
