import { readFileSync } from 'node:fs';
import { renderTerminal } from '@kelp/report';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import {
  estimateLateModules,
  lateModulesJson,
  lateModulesReport,
  SourceTree,
  type LateModulesList,
  type SourceSubject,
} from '../src/index.ts';
import { buildTree } from './build-tree.ts';
import { toyArchitecture, toySource } from './toy.ts';
import { livepatchTree } from './toy-livepatch.ts';

const file = 'arch/toy/kernel/module.c';
const early = {
  stage: 'late-relocation' as const,
  value: true,
  files: [file],
  reason: 'Formed modules are relocated.',
};
const subject: SourceSubject = {
  architecture: toyArchitecture(),
  source: {
    ...toySource,
    lateModules: [
      { ...early, expression: 'me -> state == UNFORMED' },
      { ...early, expression: 'mod -> state == UNFORMED' },
    ],
  },
};

const list: LateModulesList = {
  schema: 'kelp-late-modules-list/1',
  groups: { hooks: 'The hooks.' },
  rows: [
    {
      group: 'hooks',
      kind: 'function',
      name: 'klp_module_going',
      file: 'kernel/livepatch/core.c',
      reason: 'A hook.',
      lines: { '6.12': '52-56' },
    },
    {
      group: 'hooks',
      kind: 'function',
      name: 'klp_module_waiting',
      file: 'kernel/livepatch/core.c',
      reason: 'A hook that is not there.',
      lines: { '6.12': '99' },
    },
  ],
};

function estimate(changes: Readonly<Record<string, string>> = {}, version?: readonly number[]) {
  const tree = SourceTree.open(buildTree({ ...livepatchTree, ...changes }, version));
  return estimateLateModules(tree, [subject], list);
}

const found = (changes?: Readonly<Record<string, string>>): readonly string[] =>
  estimate(changes).code.map(
    ({ stage, kind, name, in: inside, lines }) =>
      `${stage}: ${kind} ${name}${inside === undefined ? '' : ` in ${inside}`} ${lines.map(({ first, last }) => `${first}-${last}`).join(',')}`,
  );

describe('without hooks', () => {
  const code = found();

  test('go the hooks, their declarations and calls, with the tests of their results', () => {
    expect(code).toEqual(
      expect.arrayContaining([
        'hooks: function klp_module_coming 46-50',
        'hooks: declaration klp_module_coming 1-1',
        'hooks: call klp_module_coming in prepare 5-7',
        'hooks: call klp_module_going in delete_module 20-20',
      ]),
    );
  });

  test('goes what only they used, and not what is exported or named by other files', () => {
    expect(code).toContain('hooks: function forget 30-35');
    expect(code).toContain('hooks: function clear_object 25-28');
    expect(code.filter((one) => /function (?:exported|count|apply_object) /u.test(one))).toEqual([
      'late-relocation: function apply_object 16-23',
    ]);
  });

  test('a flag that every remaining call sets alike is constant, and half of the function dead', () => {
    expect(code).toContain('hooks: parameter apply in write_relocs 1-1');
    expect(code).toContain('hooks: branch apply in write_relocs 8-9');
    expect(code).toContain('hooks: function clear_relocate_add 12-14');
  });

  test('a field that only they wrote is told, with its readers', () => {
    expect(code).toContain('hooks: field module.klp_alive 10-10');
    expect(code).toContain('hooks: branch klp_alive in klp_enable_patch 65-65');
  });
});

describe('without relocation after loading', () => {
  test('goes the late half of a function, and the pointer that chose it', () => {
    expect(found()).toEqual(
      expect.arrayContaining([
        'late-relocation: branch early in relocate 14-14',
        'late-relocation: branch ! early in relocate 17-20',
        'late-relocation: parameter write in do_write 6-6',
        'late-relocation: branch STORE 1-4',
      ]),
    );
  });

  test('goes what fills a field that nobody reads any more, and the structure it is made of', () => {
    expect(found()).toEqual(
      expect.arrayContaining([
        'late-relocation: function copy_module_elf 1-5',
        'late-relocation: call copy_module_elf in prepare 9-13',
        'late-relocation: field module.klp_info 11-11',
        'late-relocation: structure klp_modinfo 2-4',
      ]),
    );
  });

  test('stays what fills a field that others read', () => {
    const core = `${livepatchTree['kernel/livepatch/core.c']}
int find(struct module *mod)
{
	return mod->klp_info->count;
}
EXPORT_SYMBOL_GPL(find);
`;
    const { staying, code } = estimate({ 'kernel/livepatch/core.c': core });
    expect(staying.map(({ name }) => name)).toEqual(['count', 'copy_module_elf']);
    expect(staying[0]?.reason).toBe('Only forget() used it here, but lib/other.c names it.');
    expect(staying[1]?.reason).toContain('find() in kernel/livepatch/core.c uses klp_info too.');
    expect(code.map(({ name }) => name)).not.toContain('klp_modinfo');
  });
});

test('objects that are always loaded need no test', () => {
  expect(found().filter((one) => one.startsWith('absent-objects'))).toEqual([
    'absent-objects: function klp_is_object_loaded 1-4',
    'absent-objects: branch ! klp_is_object_loaded ( obj ) in klp_enable_patch 67-68',
  ]);
});

describe('a list made by hand', () => {
  test('is compared by name and by lines', () => {
    const { comparison, code } = estimate();
    expect(comparison).toMatchObject({ series: '6.12', listed: 2, listedLines: 6, commonLines: 5 });
    expect(comparison.misses.map(({ name }) => name)).toEqual(['klp_module_waiting']);
    expect(comparison.extras.length).toBe(code.length - 1);
  });

  test('that says nothing about the kernel is not compared', () => {
    const { comparison } = estimate({}, [5, 10, 0]);
    expect(comparison).toMatchObject({ series: undefined, misses: [], extras: [] });
  });
});

test('the report gives reasons, and JSON is valid by the published schema', () => {
  const result = estimate();
  const text = renderTerminal(lateModulesReport(result), { width: undefined, color: false });
  expect(text).toMatch(/forget +kernel\/livepatch\/core\.c:30-35 +Only klp_module_going\(\) used it\./u);
  expect(text).toMatch(/2 rows for 6\.12: 1 missed/u);
  const path = new URL('../schema/late-modules.schema.json', import.meta.url);
  const schema: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof schema !== 'object' || schema === null) throw new Error('the schema is no object');
  const validate = new Ajv2020({
    strict: true,
    strictRequired: false,
    allErrors: true,
    allowUnionTypes: true,
  }).compile(schema);
  validate(JSON.parse(JSON.stringify(lateModulesJson(result))));
  expect(validate.errors).toBeNull();
});
