import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLateModulesList } from '../src/index.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp-list-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the list of late-module code', () => {
  test('says for three kernels where the hooks of the loader are', () => {
    const hooks = readLateModulesList().rows.filter(({ name }) => name === 'klp_module_coming');
    expect(hooks.map(({ kind }) => kind)).toEqual(['function', 'declaration', 'function', 'call']);
    for (const { lines } of hooks) expect(Object.keys(lines)).toEqual(['6.1', '6.12', '7.3']);
  });

  test('names each piece of code once', () => {
    const keys = readLateModulesList().rows.map((row) => `${row.kind} ${row.name} ${row.file} ${row.in}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each([
    ['no JSON', '{'],
    ['another schema', '{"schema":"else","groups":{},"rows":[]}'],
    [
      'a row of an unknown group',
      '{"schema":"kelp-late-modules-list/1","groups":{},"rows":[{"group":"x","kind":"function","name":"f","file":"a.c","reason":"r","lines":{}}]}',
    ],
    [
      'lines that are no lines',
      '{"schema":"kelp-late-modules-list/1","groups":{"x":""},"rows":[{"group":"x","kind":"function","name":"f","file":"a.c","reason":"r","lines":{"6.1":"all"}}]}',
    ],
  ])('refuses %s', (_what, text) => {
    const file = join(folder, 'list.json');
    writeFileSync(file, text);
    expect(() => readLateModulesList(file)).toThrow(expect.objectContaining({ code: 'source/list' }));
  });
});
