import drift from '@kelp/census/schema/drift.schema.json' with { type: 'json' };
import functions from '@kelp/census/schema/functions.schema.json' with { type: 'json' };
import patched from '@kelp/census/schema/patched.schema.json' with { type: 'json' };
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import { expect, test, vi } from 'vitest';
import { fixture, fixtures, json } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

// All fixtures are read, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 });

const folder = new TemporaryFolder();

/** What is wrong with a value; null for nothing. */
function wrong(schema: AnySchemaObject, value: unknown): unknown {
  const validate = new Ajv2020({ strict: true, strictRequired: false, allErrors: true }).compile(schema);
  return validate(value) === true ? null : validate.errors;
}

test('kelp functions --json is as its schema says', async () => {
  const printed = await json('functions', fixtures, '--jobs', '1');
  expect(wrong(functions, printed)).toBeNull();
  expect(wrong(functions, { ...Object(printed), extra: 1 })).not.toBeNull();
});

test('kelp diff --json is as its schema says, with and without a baseline', async () => {
  const files = ['6.1', '6.12', '7.3'].map((kernel) => fixture(`x86/special-${kernel}.ko`));
  const accepted = [
    { kind: 'entry-size', subject: '.altinstructions', reason: 'known' },
    { architecture: 'x86', kind: 'layout', subject: 'none', reason: 'old' },
  ];
  const baseline = folder.write('baseline.json', JSON.stringify({ schema: 1, accepted }));
  expect(wrong(drift, await json('diff', ...files))).toBeNull();
  const printed = await json('diff', ...files, '--baseline', baseline);
  expect(wrong(drift, printed)).toBeNull();
  expect(wrong(drift, { ...Object(printed), schema: 2 })).not.toBeNull();
});

test('kelp patched --json is as its schema says', async () => {
  const list = folder.write(
    'list.tsv',
    'fix\tobject\tfunction\tyear\na\tspecial_7.3\thello_init\t2020\nb\tvmlinux\tf\t\n',
  );
  const printed = await json('patched', list, fixture('x86/special-7.3.ko'));
  expect(wrong(patched, printed)).toBeNull();
  expect(wrong(patched, { ...Object(printed), kernels: [{}] })).not.toBeNull();
});
