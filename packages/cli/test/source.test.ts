import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, list, member, run } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

const types = ['NONE', '64', '32', '32S', 'PC32', 'PLT32', 'PC64'];
const numbers = [0, 1, 10, 11, 2, 4, 24];

/** A tree whose loader of x86 handles the given types. */
function tree(handled: readonly string[]): string {
  folder.write('tree/Makefile', 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 9\nEXTRAVERSION =\n');
  for (const name of ['include', 'kernel']) mkdirSync(join(folder.path, 'tree', name), { recursive: true });
  const defines = types.map((type, at) => `#define R_X86_64_${type} ${numbers[at]}\n`);
  folder.write('tree/arch/x86/include/asm/elf.h', defines.join(''));
  const cases = handled.map((type) => `\tcase R_X86_64_${type}: ${type === 'NONE' ? '' : 'put(); '}break;\n`);
  const names = ['apply_relocate_add', 'clear_relocate_add'];
  const body = `{\n\tswitch (type) {\n${cases.join('')}\tdefault: return -ENOEXEC;\n\t}\n}\n`;
  folder.write(
    'tree/arch/x86/kernel/module.c',
    names.map((name) => `int ${name}(int type)\n${body}`).join('\n'),
  );
  return join(folder.path, 'tree');
}

const subjects = (result: unknown, area: string): readonly unknown[] =>
  list(result, 'disagreements')
    .filter((one) => String(member(one, 'code')).startsWith(area))
    .map((one) => member(one, 'subject'));

/** A list that accepts what disagrees in a result. */
function acceptAll(result: unknown): string {
  const rows = list(result, 'disagreements').map((one) => ({
    code: member(one, 'code'),
    subject: member(one, 'subject'),
    reason: 'A small tree.',
  }));
  return folder.write('accepted.json', JSON.stringify({ schema: 'kelp-accepted-disagreements/1', rows }));
}

test('a tree that handles the types of the table and lacks all else disagrees about that only', async () => {
  const result = await json('source', tree(types), '--architecture', 'amd64');
  expect(member(result, 'tree', 'version')).toBe('6.12.9');
  expect(subjects(result, 'relocation/')).toEqual([]);
  expect(subjects(result, 'section/')).toContain('.altinstructions');
  const { status, out } = await run('source', tree(types), '-a', 'x86', '--accepted', acceptAll(result));
  expect(out).toMatch(/x86 +apply_relocate_add +7 +refused/u);
  expect(status).toBe(0);
});

test('a tree that lacks a type disagrees, with status 1', async () => {
  const accepted = acceptAll(await json('source', tree(types), '-a', 'x86'));
  const root = tree(types.filter((type) => type !== 'PC64'));
  expect(subjects(await json('source', root, '-a', 'x86'), 'relocation/')).toEqual(['R_X86_64_PC64']);
  expect((await run('source', root, '-a', 'x86', '--accepted', accepted)).status).toBe(1);
});

test('what is no tree of Linux ends with status 2 and says what was expected', async () => {
  const { status, error } = await run('source', folder.path);
  expect(status).toBe(2);
  expect(error).toMatch(/no Linux source tree: it has no Makefile.*\(source\/not-linux\)/u);
});

test('--late-modules reports what only hooks need, and compares it with a list', async () => {
  const core = 'int klp_module_coming(void)\n{\n\treturn 0;\n}\n';
  const root = tree(types);
  folder.write('tree/kernel/livepatch/core.c', core);
  folder.write('tree/include/linux/livepatch.h', 'int klp_module_coming(void);\n');
  const rows = [
    ['function', 'kernel/livepatch/core.c', '1-4'],
    ['declaration', 'include/linux/livepatch.h', '1'],
  ].map(([kind, file, lines]) => ({
    group: 'hooks',
    kind,
    name: 'klp_module_coming',
    file,
    reason: 'The hook.',
    lines: { '6.12': lines },
  }));
  const groups = { hooks: 'Hooks.' };
  const listFile = folder.write(
    'list.json',
    JSON.stringify({ schema: 'kelp-late-modules-list/1', groups, rows }),
  );
  const agreeing = await run('source', root, '--late-modules', '--list', listFile);
  expect(agreeing.out).toMatch(
    /2 rows for 6\.12: 0 missed, 0 found beyond it; 5 lines listed, 5 found, 5 of them the same/u,
  );
  expect(agreeing.status).toBe(0);
  const result = await json('source', root, '--late-modules');
  expect(member(result, 'schema')).toBe('kelp-late-modules/1');
  expect(list(result, 'list', 'misses').length).toBeGreaterThan(10);
  expect((await run('source', root, '--late-modules')).status).toBe(1);
});
