import clear from '@kelp/livepatch/schema/clear.schema.json' with { type: 'json' };
import lifecycle from '@kelp/livepatch/schema/lifecycle.schema.json' with { type: 'json' };
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { fixture, json } from './run.ts';

const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
const [validClear, validLifecycle] = [ajv.compile(clear), ajv.compile(lifecycle)];

const livepatches = [
  'x86/livepatch-6.1',
  'x86/livepatch-7.3',
  'ppc64le/livepatch-6.1',
  'ppc64le/livepatch-7.3',
  's390x/livepatch-7.3',
  'arm64/livepatch-7.3',
].map((name) => fixture(`${name}.ko`));

test.each(livepatches)('kelp clear --json of %s has the form of its schema', async (file) => {
  const output = await json('clear', file);
  expect([validClear(output), validClear.errors]).toEqual([true, null]);
});

test.each(livepatches)('kelp lifecycle --json of %s has the form of its schema', async (file) => {
  const output = await json('lifecycle', file, '--strategy', 'all');
  expect([validLifecycle(output), validLifecycle.errors]).toEqual([true, null]);
});

test('a version or a member that is not known is no such document', async () => {
  const output = await json('clear', livepatches[0] ?? '');
  expect(validClear(Object.assign({}, output, { schema: 2 }))).toBe(false);
  expect(validClear(Object.assign({}, output, { more: true }))).toBe(false);
  expect(validLifecycle(output)).toBe(false);
});
