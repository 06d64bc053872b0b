import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { architectures } from '../src/architectures.ts';
import { fixture, fixtures, json, list, listWith, member, run, textLike, type Run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

const schemaFile = new URL('../../coverage/schema/matrix.schema.json', import.meta.url);
const schema: unknown = JSON.parse(readFileSync(schemaFile, 'utf8'));
if (typeof schema !== 'object' || schema === null) throw new Error('the schema is no object');
const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);

/** The result of scanning all fixtures. */
let census = '';

beforeAll(async () => {
  census = (await run('scan', fixtures, '--json')).out;
});

async function withCensus(...args: readonly string[]): Promise<Run> {
  return run('matrix', '--census', folder.write('census.json', census), ...args);
}

/** The row of a feature. */
function row(matrix: unknown, architecture: string, feature: string): unknown {
  const found = list(matrix, 'rows').find(
    (one) => member(one, 'architecture') === architecture && member(one, 'feature') === feature,
  );
  if (found === undefined) throw new Error(`no row ${feature}`);
  return found;
}

function cell(matrix: unknown, architecture: string, feature: string, kernel: string): unknown {
  return list(row(matrix, architecture, feature), 'cells').find((one) => member(one, 'kernel') === kernel);
}

describe('the matrix of all architectures', () => {
  test('is valid by the published schema, with and without a census', async () => {
    for (const matrix of [await json('matrix'), JSON.parse((await withCensus('--json')).out)] as const) {
      validate(matrix);
      expect(validate.errors).toBeNull();
      expect(list(matrix, 'architectures').map((one) => member(one, 'id'))).toEqual(
        architectures.map(({ id }) => id),
      );
      expect(list(matrix, 'kernels')).toEqual(['5.10', '6.1', '6.12', '7.2', '7.3']);
    }
  });

  test('shows how many modules use what', async () => {
    const matrix: unknown = JSON.parse((await withCensus('--json')).out);
    const modules = list(JSON.parse(census), 'architectures', 'x86', 'kernels')
      .filter((one) => String(member(one, 'release')).startsWith('6.1.'))
      .map((one) => member(one, 'modules'));
    const usage = member(cell(matrix, 'x86', 'relocation/R_X86_64_PLT32', '6.1'), 'usage');
    expect(modules).toEqual([member(usage, 'of')]);
    expect(Number(member(usage, 'count'))).toBeGreaterThan(Number(member(usage, 'modules')));
    // One livepatch has several of these sections.
    expect(member(cell(matrix, 'x86', 'section/.klp.rela.*', '6.1'), 'usage')).toMatchObject({ modules: 1 });
  });

  test('shows flags from evidence of linkers and of our own modules', async () => {
    const matrix = await json('matrix');
    for (const [architecture, feature] of [
      ['x86', 'relocation/R_X86_64_PC32'],
      ['ppc64le', 'relocation/R_PPC64_REL24'],
      ['s390x', 'relocation/R_390_PLT32DBL'],
      ['arm64', 'relocation/R_AARCH64_CALL26'],
    ] as const) {
      expect(cell(matrix, architecture, feature, '6.12')).toMatchObject({
        support: { state: 'yes', source: textLike(/module/u) },
        flags: listWith('recognized', 'decoded', 'applied'),
        contradicted: false,
      });
    }
    expect(cell(matrix, 'arm64', 'section/.altinstructions', '6.12')).toMatchObject({
      flags: listWith('recognized', 'decoded'),
    });
  });

  test('tells what configuration decides', async () => {
    const matrix = await json('matrix');
    expect(cell(matrix, 'ppc64le', 'relocation/R_PPC64_PCREL34', '7.2')).toMatchObject({
      support: { state: 'conditional', condition: 'CONFIG_PPC_KERNEL_PCREL=y' },
    });
    expect(cell(matrix, 'ppc64le', 'relocation/R_PPC64_PCREL34', '6.1')).toMatchObject({
      support: { state: 'no' },
    });
  });
});

describe('the exit status', () => {
  test('is 0 where nothing was scanned', async () => {
    expect((await run('matrix')).status).toBe(0);
  });

  test('is 1 exactly where something that modules use is not covered or not known', async () => {
    const { status, out } = await withCensus('--json');
    const matrix: unknown = JSON.parse(out);
    const gaps = list(matrix, 'uncovered').length + list(matrix, 'unknown').length;
    expect(status).toBe(gaps > 0 ? 1 : 0);
  });

  test('is 1 with a section that nobody knows, which heads the report', async () => {
    const changed = census.replaceAll('"name": "__bug_table"', String.raw`"name": "__new\u001b[2J_table"`);
    const path = folder.write('changed.json', changed.replaceAll(/("__new[^}]*"known": )true/gu, '$1false'));
    const { status, out } = await run('matrix', '--census', path, '--architecture', 's390x');
    expect(status).toBe(1);
    const head = out.slice(0, out.indexOf('Capabilities of the kernel'));
    expect(head).toMatch(
      /^Sections and types that nobody knows\n {2}name +architecture +kernels +modules +reason\n {2}__new\\x1b\[2J_table +s390x +5\.10 6\.1/mu,
    );
  });
});

describe('--format', () => {
  test('terminal is the default', async () => {
    const { out } = await withCensus();
    expect(await withCensus('--format', 'terminal')).toMatchObject({ out });
    expect(out).toMatch(
      /^Coverage matrix\n\nCovered of what the scanned modules use:\n {2}architecture +kernel +modules/u,
    );
    expect(out).toMatch(/^ {2}R_390_PC32DBL +yes \d+ RDA/mu);
  });

  test('markdown is a document of tables', async () => {
    const { out } = await withCensus('--format', 'markdown');
    expect(out).toMatch(/^# Coverage matrix\n/u);
    for (const { title } of architectures) expect(out).toContain(`\n## ${title}\n`);
    expect(out).toMatch(/^\| `R_390_PC32DBL` +\| yes \d+ RDA/mu);
  });

  test('html is one page without anything to load', async () => {
    const { out } = await withCensus('--format', 'html');
    expect(out).toMatch(/^<!DOCTYPE html>\n/u);
    expect(out).not.toMatch(/<(?:link|img|iframe)\b|<script src|url\(|@import/u);
    for (const { id } of architectures) expect(out).toContain(`<input type="checkbox" value="${id}">`);
    expect(out).toContain('R_390_PC32DBL');
  });

  test('json is the same as --json', async () => {
    expect(await withCensus('--format', 'json')).toEqual(await withCensus('--json'));
  });
});

/** How many relocation types and sections of x86 are shown. */
async function rowsShown(...args: readonly string[]): Promise<number> {
  const { out } = await withCensus('--architecture', 'x86', ...args);
  return out.split('\n').filter((line) => /^ {2}(?:R_X86_64_|[._])\w/u.test(line)).length;
}

describe('the choice of', () => {
  test('architectures goes by any of their names', async () => {
    const matrix = await json('matrix', '--architecture', 'aarch64', 'amd64');
    expect(list(matrix, 'architectures').map((one) => member(one, 'id'))).toEqual(['x86', 'arm64']);
    expect(new Set(list(matrix, 'rows').map((one) => member(one, 'architecture')))).toEqual(
      new Set(['x86', 'arm64']),
    );
  });

  test('kernels goes by series', async () => {
    const matrix = await json('matrix', '--kernel', '6.12.107', '6.1');
    expect(list(matrix, 'kernels')).toEqual(['6.12', '6.1']);
  });

  test('what modules use, and of everything', async () => {
    const [used, shown, all] = [await rowsShown('--used'), await rowsShown(), await rowsShown('--all')];
    expect(used).toBeGreaterThan(30);
    expect(shown).toBeGreaterThan(used);
    expect(all).toBeGreaterThan(shown + 30);
  });
});

test('several censuses add up', async () => {
  const paths = await Promise.all(
    ['hello-6.1.ko', 'special-6.1.ko'].map(async (name) => {
      const { out } = await run('scan', fixture(`s390x/${name}`), '--json');
      return folder.write(`${name}.json`, out);
    }),
  );
  const matrix = await json('matrix', '--census', ...paths);
  expect(list(matrix, 'kernels')).toEqual(['6.1']);
  expect(member(cell(matrix, 's390x', 'section/.modinfo', '6.1'), 'usage')).toMatchObject({
    modules: 2,
    of: 2,
  });
});

describe('ends with 2 and prints no matrix', () => {
  test.each([
    ['no JSON', 'not a census', 'census/damaged'],
    ['an object without a schema', '{}', 'census/damaged'],
    ['a later schema', '{"schema":3}', 'census/schema'],
    ['a census without lists', '{"schema":2,"architectures":{"x86":{}},"failed":[]}', 'census/damaged'],
  ])('for a census that is %s', async (_what, content, code) => {
    const path = folder.write('bad.json', content);
    const { status, out, error } = await run('matrix', '--census', path);
    expect([status, out]).toEqual([2, '']);
    expect(error.startsWith(`kelp: ${path}: `)).toBe(true);
    expect(error).toContain(`(${code})\n`);
  });

  test.each([
    [['--census', '/nowhere.json'], 'file/not-found'],
    [['--kernel', 'latest'], 'kernel/release'],
    [['--architecture', 'sparc'], 'architecture/unsupported'],
  ])('for %j', async (args, code) => {
    const { status, out, error } = await run('matrix', ...args);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(`(${code})\n`);
  });
});
