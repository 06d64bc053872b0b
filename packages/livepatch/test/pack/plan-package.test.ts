import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { unpackTar } from 'modern-tar';
import { assert, asyncProperty, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isKelpError } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { planPackage, tarPackage, type PackageInput, type PackagePlan } from '../../src/index.ts';
import schema from '../../schema/package.schema.json' with { type: 'json' };
import { moduleInput, type ModuleSpecification } from './small-module.ts';

const sound: ModuleSpecification = {
  buildId: 'aa',
  aliases: ['pci:v00001234d*'],
  exports: { target_run: 0x1111_2222 },
  needs: { printk: 0x3333_4444 },
};

function plan(
  replacement: ModuleSpecification,
  replaced: ModuleSpecification = { ...sound, buildId: 'bb' },
): PackagePlan {
  return planPackage(input({ modules: [moduleInput(replacement)], replaced: [moduleInput(replaced)] }));
}

function input(given: Partial<PackageInput>): PackageInput {
  return { name: 'fixes', modules: [moduleInput(sound)], replaced: [], deprecated: new Map(), ...given };
}

function textOf({ entries }: PackagePlan, path: string): string {
  const entry = entries.find((one) => one.path === path);
  if (entry === undefined) throw new Error(`no ${path}`);
  return Buffer.from(entry.bytes).toString();
}

describe('a package', () => {
  test('has the modules, configuration and a manifest', () => {
    const made = plan(sound);
    expect(made.findings).toEqual([]);
    expect(made.entries.map(({ path }) => path)).toEqual([
      'etc/depmod.d/kelp-fixes.conf',
      'kelp-manifest.json',
      'lib/modules/6.1.0-50-amd64/updates/kelp-fixes/target.ko',
    ]);
    expect(textOf(made, 'etc/depmod.d/kelp-fixes.conf')).toBe(
      '# Modules of the package fixes\noverride target 6.1.0-50-amd64 updates/kelp-fixes\n',
    );
    expect(JSON.parse(textOf(made, 'kelp-manifest.json'))).toMatchObject({
      schema: 1,
      release: '6.1.0-50-amd64',
      modules: [
        {
          name: 'target',
          buildId: 'aa',
          exports: [{ symbol: 'target_run', checksum: '11112222' }],
          needs: [{ symbol: 'printk', checksum: '33334444' }],
          replaces: [{ name: 'target', buildId: 'bb' }],
        },
      ],
    });
  });

  test('blacklists a deprecated module and leads its name to the other one', () => {
    const made = planPackage(
      input({
        modules: [moduleInput({ ...sound, name: 'successor', buildId: 'cc' })],
        replaced: [moduleInput(sound)],
        deprecated: new Map([['target', 'successor']]),
      }),
    );
    expect(made.findings).toEqual([]);
    expect(textOf(made, 'etc/modprobe.d/kelp-fixes.conf')).toBe(
      '# Modules that the package fixes replaces under another name\nblacklist target\nalias target successor\n',
    );
    expect(made.manifest.modules[0]?.replaces.map(({ name }) => name)).toEqual(['target']);
    expect(made.manifest.limits.map(({ code }) => code)).toContain('pack/dependents-of-old');
  });

  test('keeps compressed files as they are', () => {
    const made = planPackage(
      input({ modules: [{ ...moduleInput(sound), file: 'x.ko.xz', bytes: Uint8Array.of(1) }] }),
    );
    expect(made.entries.at(-1)).toEqual({
      path: 'lib/modules/6.1.0-50-amd64/updates/kelp-fixes/target.ko.xz',
      bytes: Uint8Array.of(1),
    });
  });

  test('says what it cannot stop', () => {
    const made = planPackage(
      input({
        modules: [moduleInput(sound)],
        replaced: [moduleInput({ ...sound, buildId: 'bb', signed: true })],
      }),
    );
    expect(made.manifest.limits.map(({ code }) => code)).toEqual([
      'pack/insmod',
      'pack/initramfs',
      'pack/loaded',
      'pack/signature',
    ]);
    expect(made.findings.map(({ code }) => code)).toEqual(['pack/unsigned']);
  });

  test('says that a livepatch patches the replacement too', () => {
    const bytes = readFileSync(new URL('../../../testkit/fixtures/x86/livepatch-6.1.ko', import.meta.url));
    const hello = readFileSync(new URL('../../../testkit/fixtures/x86/hello-6.1.ko', import.meta.url));
    const modules = [bytes, hello].map((one, index) => {
      const plain = Uint8Array.from(one);
      return { file: `${index}.ko`, bytes: plain, plain, object: parseObjectFile(plain) };
    });
    const made = planPackage(input({ modules }));
    expect(made.manifest.limits.map(({ code }) => code)).toContain('pack/patched-again');
    expect(made.manifest.modules.map(({ name, livepatch }) => [name, livepatch])).toEqual([
      ['livepatch', true],
      ['hello', false],
    ]);
  });
});

describe('what would not work is found', () => {
  test.each<[string, ModuleSpecification, string]>([
    ['another kernel', { ...sound, vermagic: '6.1.0-50-amd64 SMP preempt ' }, 'error pack/vermagic'],
    ['an export that is gone', { ...sound, exports: {} }, 'error pack/export-missing'],
    [
      'an export with another checksum',
      { ...sound, exports: { target_run: 1 } },
      'error pack/export-checksum',
    ],
    ['a need with another checksum', { ...sound, needs: { printk: 1 } }, 'error pack/need-checksum'],
    [
      'the same in extended versions',
      { ...sound, needs: { printk: 1 }, versions: 'extended' },
      'error pack/need-checksum',
    ],
    ['no versions', { ...sound, versions: 'none' }, 'error pack/no-versions'],
    [
      'a need that nobody can check',
      { ...sound, needs: { ...sound.needs, kfree: 1 } },
      'note pack/need-unchecked',
    ],
    ['an alias that is gone', { ...sound, aliases: [] }, 'error pack/alias-missing'],
    ['the same module again', { ...sound, buildId: 'bb' }, 'warning pack/same-build'],
  ])('%s', (_, replacement, expected) => {
    expect(plan(replacement).findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([expected]);
  });

  test('more exports and aliases are fine', () => {
    const more = {
      ...sound,
      exports: { ...sound.exports, more: 1 },
      aliases: [...(sound.aliases ?? []), 'fs-x'],
    };
    expect(plan(more).findings).toEqual([]);
  });

  test('a module that replaces nothing is told', () => {
    expect(planPackage(input({})).findings.map(({ code }) => code)).toEqual(['pack/replaces-nothing']);
  });
});

describe('what cannot be packed is refused', () => {
  const other = moduleInput({ ...sound, release: '6.12.0' });
  test.each<[string, Partial<PackageInput>, string]>([
    ['nothing', { modules: [] }, 'pack/empty'],
    ['modules of two kernels', { modules: [moduleInput(sound), other] }, 'pack/release'],
    ['two of a name', { modules: [moduleInput(sound), moduleInput(sound)] }, 'pack/duplicate'],
    [
      'a deprecation without replacement',
      { deprecated: new Map([['old', 'nobody']]) },
      'pack/no-replacement',
    ],
    ['a module that replaces itself', { deprecated: new Map([['target', 'target']]) }, 'pack/no-replacement'],
    ['a name for a package that is a path', { name: '../x' }, 'pack/name'],
    ['a release that is a path', { modules: [moduleInput({ ...sound, release: '../../etc' })] }, 'pack/name'],
    ['a module name that is a path', { modules: [moduleInput({ ...sound, name: '../../x' })] }, 'pack/name'],
    [
      'a module name that is configuration',
      { deprecated: new Map([['x\ninstall y /bin/sh', 'target']]) },
      'pack/name',
    ],
  ])('%s', (_, given, code) => {
    expect(() => planPackage(input(given))).toThrow(expect.objectContaining({ code }));
  });

  test('no name leads out of the package', { timeout: 60_000 }, () => {
    const text = string({ unit: 'binary', maxLength: 20 });
    assert(
      property(text, text, text, (name, module, release) => {
        const given = {
          ...sound,
          name: module.replaceAll('\0', ''),
          release: release.replaceAll(/[\0 ]/gu, ''),
        };
        expect(pathsOf(input({ name, modules: [moduleInput(given)] })).filter(isOutside)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

function pathsOf(given: PackageInput): readonly string[] {
  try {
    return planPackage(given).entries.map(({ path }) => path);
  } catch (error) {
    if (isKelpError(error)) return [];
    throw error;
  }
}

function isOutside(path: string): boolean {
  return (
    !/^(?:etc\/(?:depmod|modprobe)\.d|lib\/modules\/[^/]+\/updates\/[^/]+)\/[^/]+$|^kelp-manifest\.json$/u.test(
      path,
    ) || path.split('/').includes('..')
  );
}

describe('the archive', () => {
  test('is the same every time and has nothing of its maker', async () => {
    const [one, other] = [await tarPackage(plan(sound).entries), await tarPackage(plan(sound).entries)];
    expect(Buffer.compare(one, other)).toBe(0);
    const found = await unpackTar(one);
    expect(
      found.map(({ header }) => [
        header.name,
        header.mtime?.getTime(),
        header.uid,
        header.uname,
        header.mode,
      ]),
    ).toEqual(plan(sound).entries.map(({ path }) => [path, 0, 0, 'root', 0o644]));
    expect(found.map(({ data }) => Buffer.from(data ?? []).toString('hex'))).toEqual(
      plan(sound).entries.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    );
  });

  test.each(['../x', '/x', 'a/../../x', 'a//b', './x', '', 'a/..', 'x\0'])('no entry %j', async (path) => {
    await expect(tarPackage([{ path, bytes: new Uint8Array() }])).rejects.toMatchObject({
      code: 'pack/path',
    });
  });

  test('no entry leaves its root, whatever it is called', { timeout: 60_000 }, async () => {
    await assert(
      asyncProperty(string({ maxLength: 30 }), async (path) => {
        const entries = await tarPackage([{ path, bytes: new Uint8Array() }]).then(unpackTar, () => []);
        expect(entries.filter(({ header }) => /^\/|(?:^|\/)\.\.(?:\/|$)/u.test(header.name))).toEqual([]);
      }),
    );
  });
});

test('manifests are of their schema', () => {
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);
  const manifests = [
    plan(sound),
    planPackage(input({})),
    planPackage(
      input({ modules: [moduleInput({ ...sound, name: 'b' })], deprecated: new Map([['a', 'b']]) }),
    ),
  ].map(({ manifest }): unknown => JSON.parse(JSON.stringify(manifest)));
  for (const manifest of manifests) {
    validate(manifest);
    expect(validate.errors).toBeNull();
  }
  validate({ schema: 2 });
  expect(validate.errors).not.toBeNull();
});
