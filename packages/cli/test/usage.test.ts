import { readFileSync } from 'node:fs';
import schema from '@kelp/livepatch/schema/usage.schema.json' with { type: 'json' };
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { buildLivepatch } from '../../livepatch/test/build-livepatch.ts';
import { fixture, json, list, listWith, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

it('kelp usage: counts side by side what livepatches of two architectures use', async () => {
  const files = ['x86/livepatch-6.1.ko', 'x86/livepatch-7.3.ko', 's390x/livepatch-7.3.ko'].map(fixture);
  const usage = await json('usage', ...files);
  expect([validate(usage), validate.errors]).toEqual([true, null]);
  expect(list(usage, 'architectures').map((one) => member(one, 'livepatches'))).toEqual([2, 1]);
  const x86 = member(usage, 'architectures', 0);
  expect(member(x86, 'patching')).toEqual({ vmlinux: 0, modules: 0, both: 2, unknown: 0 });
  expect(list(x86, 'objects')).toEqual([
    { object: 'hello', scope: 'module', count: 2, livepatches: 2 },
    { object: 'vmlinux', scope: 'vmlinux', count: 2, livepatches: 2 },
  ]);
  expect(list(x86, 'relocationTypes')).toEqual(
    listWith({ scope: 'module', type: 4, name: 'R_X86_64_PLT32', count: 2, livepatches: 2 }),
  );
  expect(list(x86, 'symbols')[0]).toEqual({
    object: 'vmlinux',
    name: 'saved_command_line',
    count: 4,
    livepatches: 2,
  });
  expect(list(x86, 'specialSections')).toEqual(
    listWith({ section: '.init.klp_funcs', hazard: 'none', count: 2, livepatches: 1 }),
  );
});

it('kelp usage: tells modules from vmlinux, and ordinary sections from special ones', async () => {
  const record = { offset: 0, type: 1, symbol: '.klp.sym.xfs.a,1' };
  const file = folder.write(
    'p.ko',
    buildLivepatch({
      objects: [{ name: 'xfs', functions: [{ oldName: 'f', position: 0n }] }],
      sections: [{ name: '__jump_table', bytes: new Uint8Array(16) }],
      late: [
        { name: '.klp.rela.xfs..text', target: '.text', records: [record, { ...record, offset: 8 }] },
        { name: '.klp.rela.xfs.__jump_table', target: '__jump_table', records: [{ ...record, type: 99 }] },
      ],
    }),
  );
  const usage = member(await json('usage', file), 'architectures', 0);
  expect(member(usage, 'patching')).toMatchObject({ modules: 1, both: 0 });
  expect(list(usage, 'relocatedSections')).toEqual([
    { scope: 'module', section: '.text', hazard: null, count: 2, livepatches: 1 },
    { scope: 'module', section: '__jump_table', hazard: 'high', count: 1, livepatches: 1 },
  ]);
  expect(list(usage, 'relocationTypes')).toEqual(listWith(expect.objectContaining({ name: 'unknown(99)' })));
});

it('kelp usage: modules that are no livepatches are left out, files that cannot be read fail', async () => {
  folder.write('hello.ko', readFileSync(fixture('x86/hello-6.1.ko')));
  folder.write('patch.ko', readFileSync(fixture('x86/livepatch-6.1.ko')));
  const fine = await run('usage', folder.path);
  expect([fine.status, fine.error]).toEqual([0, '']);
  expect(fine.out).toMatch(/^1 livepatch\n/u);
  expect(fine.out).toContain('no livepatches: 1 files');
  folder.write('bad.ko', 'no ELF');
  const failed = await run('usage', folder.path, '--json');
  expect(failed.status).toBe(2);
  expect(failed.error).toMatch(/bad\.ko: .*\(elf\/not-elf\)\n$/u);
  const usage: unknown = JSON.parse(failed.out);
  expect([validate(usage), validate.errors]).toEqual([true, null]);
  expect(list(usage, 'failed')).toHaveLength(1);
});

it('kelp usage: a folder without modules is a mistake', async () => {
  folder.write('readme');
  expect(await run('usage', folder.path)).toMatchObject({ status: 2, out: '' });
});
