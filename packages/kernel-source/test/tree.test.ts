import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKelpError } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { SourceTree } from '../src/index.ts';
import { buildTree, temporaryFolder } from './build-tree.ts';

/** Code and message of the error that a call throws. */
function failureOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isKelpError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('a source tree', () => {
  test('has the version of its Makefile', () => {
    expect(SourceTree.open(buildTree({})).version).toBe('6.12.3');
    const candidate = buildTree({
      Makefile: 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n',
    });
    expect(SourceTree.open(candidate).version).toBe('7.3.0-rc7');
  });

  test('is told from a missing folder, a file, another folder and another Makefile', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    for (const path of ['missing', 'file']) {
      expect(failureOf(() => SourceTree.open(join(folder, path)))).toMatch(
        /source.not-linux: .*not a folder/u,
      );
    }
    expect(failureOf(() => SourceTree.open(folder))).toMatch(/source.not-linux: .*no Makefile, no arch/u);
    const other = buildTree({ Makefile: 'all:\n\ttrue\n' });
    expect(failureOf(() => SourceTree.open(other))).toMatch(/source.not-linux: .*VERSION/u);
  });

  test('that is a symbolic link to itself is a loop; loops within it are not walked', () => {
    const root = buildTree({ 'kernel/a.c': '', 'kernel/b.h': '' });
    const loop = join(temporaryFolder(), 'loop');
    symlinkSync(loop, loop);
    expect(failureOf(() => SourceTree.open(loop))).toMatch(/source.loop: .*leads to itself/u);
    symlinkSync('..', join(root, 'kernel/up'));
    symlinkSync('self.c', join(root, 'kernel/self.c'));
    const tree = SourceTree.open(root);
    expect([...tree.files('kernel', /\.c$/u)]).toEqual(['kernel/a.c', 'kernel/empty.c']);
    expect(failureOf(() => tree.read('kernel/self.c'))).toMatch(/source.loop: .*leads to itself/u);
  });

  test('is not left through a symbolic link', () => {
    const root = buildTree({});
    mkdirSync(join(root, 'lib'));
    const outside = join(temporaryFolder(), 'secret.c');
    writeFileSync(outside, 'secret');
    symlinkSync(outside, join(root, 'lib/linked.c'));
    expect(failureOf(() => SourceTree.open(root).read('lib/linked.c'))).toMatch(
      /source.outside: .*leaves the tree/u,
    );
  });
});
