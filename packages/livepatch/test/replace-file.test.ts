import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile, type FileCalls } from '../src/replace-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kelp-livepatch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const contents = new TextEncoder().encode('new contents');

/** A disk with room for a few bytes, which are written before the error. */
function diskOf(size: number): FileCalls {
  let free = size;
  return {
    write: (descriptor, bytes, offset) => {
      if (free === 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const count = writeSync(descriptor, bytes, offset, Math.min(free, bytes.length - offset));
      free -= count;
      return count;
    },
  };
}

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('replaceFile()', () => {
  it('makes a new file', () => {
    replaceFile(join(folder, 'new'), contents);
    expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('new contents');
    expect(readdirSync(folder)).toStrictEqual(['new']);
  });

  it('keeps the mode of the old one and follows a symbolic link', () => {
    const file = join(folder, 'old');
    writeFileSync(file, 'old');
    chmodSync(file, 0o640);
    symlinkSync('old', join(folder, 'link'));
    replaceFile(join(folder, 'link'), contents);
    expect(readFileSync(file, 'utf8')).toBe('new contents');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).toSorted()).toStrictEqual(['link', 'old']);
  });

  it('writes on after a part', () => {
    const pieces: FileCalls = {
      write: (descriptor, bytes, offset) => writeSync(descriptor, bytes, offset, 1),
    };
    replaceFile(join(folder, 'new'), contents, pieces);
    expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('new contents');
  });

  it.each([0, 5])('a disk that is full after %d bytes leaves everything as it was', (size) => {
    const file = join(folder, 'old');
    writeFileSync(file, 'old contents');
    expect(thrownBy(() => replaceFile(file, contents, diskOf(size)))).toMatchObject({
      code: 'output/full',
      file,
    });
    expect(readFileSync(file, 'utf8')).toBe('old contents');
    expect(readdirSync(folder)).toStrictEqual(['old']);
  });

  it('refuses what is no file, and a folder that is missing', () => {
    mkdirSync(join(folder, 'sub'));
    const noFile = thrownBy(() => replaceFile(join(folder, 'sub'), contents));
    expect(noFile).toMatchObject({ code: 'output/not-a-file' });
    const missing = thrownBy(() => replaceFile(join(folder, 'missing', 'new'), contents));
    expect(missing).toMatchObject({ code: 'output/unwritable' });
    expect(readdirSync(folder)).toStrictEqual(['sub']);
  });
});
