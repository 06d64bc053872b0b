import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { moduleReader } from '../src/snapshot-source.ts';
import { fixture } from './run.ts';

test('the bytes of a module file stay when the next is read', async () => {
  const names = ['hello-6.1', 'special-6.12'];
  const read = moduleReader(new Map(names.map((name) => [name, fixture(`x86/${name}.ko`)])));
  const files: Uint8Array[] = [];
  for (const name of names) files.push((await read(name))?.bytes ?? new Uint8Array());
  const expected = names.map((name) => readFileSync(fixture(`x86/${name}.ko`)));
  expect(
    files.map((bytes) => Buffer.compare(bytes, expected[files.indexOf(bytes)] ?? new Uint8Array())),
  ).toEqual([0, 0]);
});
