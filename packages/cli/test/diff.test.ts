import { describe, expect, test, vi } from 'vitest';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

// All fixtures are read, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 });

const folder = new TemporaryFolder();
const [older, newer] = [fixture('x86/special-6.1.ko'), fixture('x86/special-6.12.ko')];

describe('two kernels', () => {
  test('differ in what the kernel changed, with status 1', async () => {
    const { status, out } = await run('diff', older, newer, '--json');
    expect(status).toBe(1);
    const [comparison] = list(JSON.parse(out), 'comparisons');
    expect(list(comparison, 'changes')).toContainEqual(
      expect.objectContaining({
        kind: 'entry-size',
        subject: '.altinstructions',
        consequence: 'breaks',
        text: 'entries of 12 bytes become 14',
      }),
    );
  });

  test('may be censuses', async () => {
    await run('scan', older, '-o', `${folder.path}/old.json`);
    await run('scan', newer, '-o', `${folder.path}/new.json`);
    const files = await json('diff', `${folder.path}/old.json`, `${folder.path}/new.json`);
    expect(files).toEqual(await json('diff', older, newer));
  });

  test('that are the same have status 0', async () => {
    const { status, out } = await run('diff', older, older);
    expect([status, out]).toEqual([0, expect.stringContaining('0 changes.')]);
  });
});

test('a baseline that accepts all changes gives status 0', async () => {
  const changes = list(list(await json('diff', older, newer), 'comparisons')[0], 'changes');
  const accepted = changes.map((change) => ({
    kind: member(change, 'kind'),
    subject: member(change, 'subject'),
    reason: 'read in the release notes',
  }));
  const file = folder.write('baseline.json', JSON.stringify({ schema: 1, accepted }));
  const { status, out } = await run('diff', older, newer, '--baseline', file);
  expect([status, out]).toEqual([0, expect.stringContaining('read in the release notes')]);
});

test('--fail-on chooses what is an alarm', async () => {
  expect((await run('diff', older, newer, '--fail-on', 'unknown')).status).toBe(0);
  expect((await run('diff', older, newer, '--fail-on', 'breaks')).status).toBe(1);
});

test('HTML has the chart as a drawing', async () => {
  const { out } = await run('diff', fixture('s390x'), fixture('x86'), fixture('s390x'), '--format', 'html');
  expect(out).toContain('<figure class="chart">');
});

test.each([
  ['nothing to compare', [older, fixture('s390x/hello-6.1.ko')], 'diff/nothing'],
  ['a file that does not exist', [older, 'none.json'], 'file/not-found'],
])('%s is an error', async (_what, paths, code) => {
  const { status, error } = await run('diff', ...paths);
  expect([status, error]).toEqual([2, expect.stringContaining(`(${code})`)]);
});

test('files that cannot be read leave nothing to compare', async () => {
  const damaged = folder.write('damaged.ko', 'no ELF');
  const { status, error } = await run('diff', older, damaged);
  expect([status, error]).toEqual([2, expect.stringContaining('(diff/incomplete)')]);
});
