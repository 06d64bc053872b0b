import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCaptureFolder } from '../src/capture-folder.ts';
import { writeImage } from '../src/write-image.ts';
import { loadToy } from './memory-of.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp-image-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('an image opens as a capture with the predicted memory', () => {
  const loaded = loadToy();
  writeImage(loaded, folder, 'toy');
  const { modules, memory } = openCaptureFolder(folder);
  expect(modules).toMatchObject([{ name: 'toy', state: 'live', base: 0x10000n }]);
  expect([...(modules[0]?.sections.keys() ?? [])]).toEqual(['.text', '.data', '.init.text']);
  for (const { address, bytes } of loaded.image.areas) {
    expect(new Uint8Array(memory.read(address, bytes.length) ?? [])).toEqual(bytes);
  }
});

test.each(['..', 'a/b', ''])('a module named %j is no folder', (name) => {
  expect(() => {
    writeImage(loadToy(), folder, name);
  }).toThrow(expect.objectContaining({ code: 'memory/unsafe-name' }));
});

test('a folder that cannot be made', () => {
  expect(() => {
    writeImage(loadToy(), join(folder, 'x\0y'), 'toy');
  }).toThrow(expect.objectContaining({ code: 'memory/unreadable' }));
});
