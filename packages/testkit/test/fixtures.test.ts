import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFixtures } from '../src/index.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp-fixtures-'));
  writeFileSync(join(folder, 'vectors.json'), '{"tool":"GNU ld 2.40","cases":[]}');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('modules come in order of name, other files are left out', () => {
  for (const name of ['b.ko', 'a.ko', 'a.S', 'README.md']) writeFileSync(join(folder, name), name);
  const { modules, vectors } = readFixtures(folder);
  expect(vectors.tool).toBe('GNU ld 2.40');
  expect([...modules].map(([name, { bytes }]) => [name, Buffer.from(bytes).toString()])).toEqual([
    ['a.ko', 'a.ko'],
    ['b.ko', 'b.ko'],
  ]);
});

test('a file .config beside a module is the configuration of its kernel', () => {
  for (const name of ['plain.ko', 'pcrel.ko']) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, 'pcrel.config'), '# comment\nCONFIG_PPC_KERNEL_PCREL=y\n');
  const { modules } = readFixtures(pathToFileURL(folder));
  expect(modules.get('pcrel.ko')?.configuration).toEqual(new Map([['PPC_KERNEL_PCREL', 'y']]));
  expect(modules.get('plain.ko')?.configuration).toBeUndefined();
});

test('a folder without vectors is an error', () => {
  rmSync(join(folder, 'vectors.json'));
  expect(() => readFixtures(folder)).toThrow('vectors.json');
});
