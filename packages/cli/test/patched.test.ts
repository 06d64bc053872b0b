import { expect, test } from 'vitest';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

test('counts the functions of a list, with years from another table', async () => {
  const patched = folder.write(
    'list.tsv',
    'fix\tobject\tfunction\none\thello_6.1\tno_such_function\ntwo\tvmlinux\tschedule\n',
  );
  const fixes = folder.write('fixes.tsv', 'fix\tcve\none\tCVE-2022-1\n');
  const kernels = list(
    await json('patched', patched, fixture('x86/hello-6.1.ko'), '--fixes', fixes),
    'kernels',
  );
  expect(kernels).toHaveLength(1);
  expect(member(kernels[0], 'summary')).toMatchObject({
    rows: 2,
    inModules: 1,
    years: [
      { year: '2022', modules: 1, rows: 1 },
      { year: 'unknown', modules: 0, rows: 1 },
    ],
  });
});

test('a list without its columns, and a module that is damaged, are errors', async () => {
  const wrong = folder.write('wrong.tsv', 'a,b,c\n');
  const { status, error } = await run('patched', wrong, fixture('x86/hello-6.1.ko'));
  expect([status, error]).toEqual([2, expect.stringContaining('(patched/list)')]);
  const patched = folder.write('list.tsv', 'fix\tobject\tfunction\na\tm\tf\n');
  const damaged = await run('patched', patched, folder.write('damaged.ko', 'x'), fixture('x86/hello-6.1.ko'));
  expect([damaged.status, damaged.error]).toEqual([2, expect.stringContaining('damaged.ko')]);
});
