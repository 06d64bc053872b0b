import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findModules } from '../src/find-modules.ts';
import { TemporaryFolder, withoutPrivileges } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** Files found in the folder, by their path in it. */
function found(): readonly string[] {
  return findModules([folder.path]).files.map((file) => relative(folder.path, file));
}

describe('in a folder', () => {
  test.each(['a.ko', 'a.ko.xz', 'a.ko.gz', 'a.ko.zst', 'vmlinux', '.hidden.ko', '.ko'])(
    '%s is a module',
    (name) => {
      folder.write(name);
      expect(found()).toEqual([name]);
    },
  );

  test.each([
    'a.o',
    'a.ko.bz2',
    'a.ko.xz.asc',
    'a.kox',
    'ako',
    'vmlinuz',
    'vmlinux.o',
    'modules.dep',
    'a.KO',
  ])('%s is none', (name) => {
    folder.write(name);
    expect(found()).toEqual([]);
  });

  test('files and folders are taken by name, one folder after the other', () => {
    for (const name of ['b.ko', 'a/z.ko', 'c/a.ko', 'a/b/c.ko', 'a.ko', 'B.ko']) folder.write(name);
    expect(found()).toEqual(['B.ko', 'a/b/c.ko', 'a/z.ko', 'a.ko', 'b.ko', 'c/a.ko']);
  });

  test('a folder that is named like a module is searched', () => {
    folder.write('x.ko/y.ko');
    expect(found()).toEqual(['x.ko/y.ko']);
  });

  test('a link to a file is taken', () => {
    symlinkSync(folder.write('elsewhere'), folder.at('a.ko'));
    expect(found()).toEqual(['a.ko']);
  });

  test('a link to a folder is not followed', () => {
    folder.write('real/a.ko');
    symlinkSync('real', folder.at('link'));
    expect(found()).toEqual(['real/a.ko']);
  });

  test('a link to the folder above ends the search all the same', () => {
    folder.write('kernel/a.ko');
    symlinkSync('..', folder.at('kernel/build'));
    expect(found()).toEqual(['kernel/a.ko']);
  });

  test('there may be nothing', () => {
    expect(findModules([folder.path])).toEqual({ files: [], errors: [] });
  });
});

describe('a path that is given', () => {
  test('is taken whatever the name of the file', () => {
    const path = folder.write('module.bin');
    expect(findModules([path])).toEqual({ files: [path], errors: [] });
  });

  test('keeps its place among the others', () => {
    const [last, first] = [folder.write('a.ko'), folder.write('z/b.ko')];
    expect(findModules([folder.at('z'), last]).files).toEqual([first, last]);
  });

  test('may be a link to a folder', () => {
    folder.write('real/a.ko');
    symlinkSync('real', folder.at('link'));
    expect(findModules([folder.at('link')]).files).toEqual([folder.at('link/a.ko')]);
  });

  test('that does not exist is an error, and the others are searched', () => {
    const path = folder.write('a.ko');
    const { files, errors } = findModules([folder.at('none'), path]);
    expect(files).toEqual([path]);
    expect(errors).toMatchObject([{ name: 'KelpError', code: 'file/not-found', file: folder.at('none') }]);
  });
});

describe('a folder without permission', () => {
  test.each([
    ['given', ''],
    ['inside another', 'kernel'],
  ])('%s is an error, and the others are searched', (_where, above) => {
    const closed = folder.at(`${above}/closed`);
    mkdirSync(closed, { recursive: true });
    folder.write('open/a.ko');
    chmodSync(folder.path, 0o755);
    chmodSync(closed, 0);
    const paths = [above === '' ? closed : folder.at(above), folder.at('open')];
    const { files, errors } = withoutPrivileges(() => findModules(paths));
    chmodSync(closed, 0o755);
    expect(files).toEqual([folder.at('open/a.ko')]);
    expect(errors).toMatchObject([{ name: 'KelpError', code: 'file/permission' }]);
    expect(errors.map(({ file }) => relative(closed, file ?? ''))).toEqual(['']);
  });
});
