import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lintRulesReport } from '@kelp/livepatch';
import { renderMarkdown } from '@kelp/report';
import schema from '@kelp/report/schema/findings.schema.json' with { type: 'json' };
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fixture, json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);
const older = fixture('x86/livepatch-6.1.ko');

afterEach(() => {
  vi.unstubAllEnvs();
});

function baseline(...accepted: readonly unknown[]): string {
  return folder.write('baseline.json', JSON.stringify({ schema: 1, accepted }));
}

const everything = baseline.bind(undefined, { rule: 'KLP701', reason: 'hello is never unloaded here' });

describe('kelp lint', () => {
  it('says what is wrong, where, when and what to do', async () => {
    const { status, out, error } = await run('lint', older);
    expect([status, error]).toEqual([1, '']);
    expect(out).toContain('0 errors, 2 warnings, 0 notes');
    expect(out).toMatch(
      /warning +KLP701 +\.text\+0x24 +hello +\.klp\.sym\.hello\.next_state,1 +R_X86_64_PLT32 /u,
    );
    expect(out).toContain('Keep the module loaded');
    expect(out).toContain('Symbols of vmlinux: neither a list nor the file');
  });

  it('finds nothing where the kernel clears relocations', async () => {
    expect(await run('lint', fixture('x86/livepatch-7.3.ko'))).toMatchObject({ status: 0, error: '' });
  });

  it('judges by another kernel, its configuration, its modules and symbols', async () => {
    const config = folder.write('config', 'CONFIG_SMP=y\n');
    const symbols = folder.write(
      'symbols.klp',
      'klp-convert-symbol-data.0.1\n*vmlinux\nstate\nproc_local_helper\n',
    );
    folder.write('modules/hello.ko', readFileSync(fixture('x86/hello-6.1.ko')));
    const kernel = ['--kernel', '6.1', '--config', config, '--symbols', symbols];
    const found = await json('lint', older, ...kernel, '--modules', join(folder.path, 'modules'));
    expect([validate(found), validate.errors]).toEqual([true, null]);
    expect(list(found, 'findings').map((finding) => member(finding, 'rule'))).toContain('KLP001');
    expect(list(found, 'findings').map((finding) => member(finding, 'message'))).toContain(
      'the object has no symbol of the name',
    );
    expect(list(found, 'notJudged').join()).not.toContain('hello');
  });

  it('lists its rules', async () => {
    expect((await run('lint', '--rules')).out).toContain('KLP203');
    expect(list(await json('lint', '--rules'), 'rules').length).toBeGreaterThan(40);
  });

  it('docs/lint-rules.md lists all of them', async () => {
    // vitest -u writes it.
    await expect(renderMarkdown(lintRulesReport())).toMatchFileSnapshot('../../../docs/lint-rules.md');
  });
});

describe('the formats', () => {
  it('json', async () => {
    const found: unknown = JSON.parse((await run('lint', older, '--format', 'json')).out);
    expect([validate(found), validate.errors]).toEqual([true, null]);
    expect(found).toEqual(await json('lint', older));
    expect(member(found, 'kernel')).toBe('6.1.176');
  });

  it('sarif', async () => {
    const { status, out } = await run('lint', older, '--format', 'sarif');
    const results = list(JSON.parse(out), 'runs', 0, 'results');
    expect([status, results.map((result) => member(result, 'ruleId'))]).toEqual([1, ['KLP701', 'KLP701']]);
    const offset = member(results[0], 'locations', 0, 'physicalLocation', 'region', 'byteOffset');
    expect(readFileSync(older)[Number(offset) - 1]).toBe(0xe8);
  });

  it('github: annotations in the log, tables in the summary', async () => {
    const summary = folder.write('summary.md', 'before\n');
    vi.stubEnv('GITHUB_STEP_SUMMARY', summary);
    const { status, out } = await run('lint', older, '--format', 'github');
    expect(status).toBe(1);
    expect(out.split('\n').filter((line) => line !== '')).toEqual([
      expect.stringMatching(
        /^::warning file=.*livepatch-6\.1\.ko,title=KLP701 The target module cannot be loaded again::\.text\+0x24: hello: /u,
      ),
      expect.stringMatching(/^::warning file=/u),
    ]);
    expect(readFileSync(summary, 'utf8')).toMatch(
      /^before\n# .*livepatch-6\.1\.ko: livepatch for 6\.1\.176\n/u,
    );
  });

  it('github without a summary file', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', '');
    expect(await run('lint', older, '--format', 'github')).toMatchObject({ status: 1, error: '' });
  });

  it('github with a summary file that cannot be written', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', join(folder.path, 'missing', 'summary.md'));
    const { status, error } = await run('lint', older, '--format', 'github');
    expect([status, error]).toEqual([2, expect.stringContaining('(file/not-found)')]);
  });

  it('an unknown one is a mistake', async () => {
    expect((await run('lint', older, '--format', 'xml')).status).toBe(2);
  });
});

describe('--baseline', () => {
  it('accepts findings, with their reasons in the output', async () => {
    const { status, out } = await run('lint', older, '--baseline', everything());
    expect([status, out]).toEqual([0, expect.stringContaining('hello is never unloaded here')]);
  });

  it('tells of entries that match nothing any more', async () => {
    const file = baseline({ rule: 'KLP701', reason: 'a' }, { rule: 'KLP203', object: 'xfs', reason: 'b' });
    const { status, out } = await run('lint', older, '--baseline', file);
    expect([status, out]).toEqual([1, expect.stringMatching(/KLP203 +object xfs +b\n/u)]);
  });

  it.each([
    ['baseline/json', 'no JSON'],
    ['baseline/reason', '{"schema": 1, "accepted": [{"rule": "KLP701"}]}'],
  ])('%s', async (code, text) => {
    const { status, error } = await run('lint', older, '--baseline', folder.write('b.json', text));
    expect([status, error]).toEqual([2, expect.stringContaining(`(${code})`)]);
  });

  it('a file that is not there', async () => {
    expect((await run('lint', older, '--baseline', join(folder.path, 'none'))).status).toBe(2);
  });
});

describe('what cannot be judged', () => {
  it.each([
    ['a module that is no livepatch', ['lint', fixture('x86/hello-6.1.ko')], 'lint/no-livepatch'],
    ['no file', ['lint'], "missing required argument 'file'"],
    ['no such file', ['lint', 'none.ko'], 'file/not-found'],
    ['no such modules', ['lint', older, '--modules', 'none'], 'file/not-found'],
    ['no release', ['lint', older, '--kernel', 'x'], 'kernel/release'],
  ])('%s', async (_what, args, message) => {
    const { status, out, error } = await run(...args);
    expect([status, out, error]).toEqual([2, '', expect.stringContaining(message)]);
  });
});
