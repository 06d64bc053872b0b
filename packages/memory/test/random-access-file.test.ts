import { describe, expect, test } from 'vitest';
import { RandomAccessFile } from '../src/random-access-file.ts';
import { TemporaryFolder, withoutPrivileges } from './temporary-folder.ts';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { refusal, refused } from './refusal.ts';

const folder = new TemporaryFolder();

/** More than two blocks, with bytes that tell where they are. */
const content = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

describe.each([true, false])('a file, cached: %s', (cached) => {
  test.each([
    [0, 16],
    [65_530, 12],
    [65_536, 65_536],
    [10, 150_000],
    [199_990, 10],
  ])('gives the bytes from %i, %i of them', (position, length) => {
    const file = new RandomAccessFile(folder.write('f', content), { cached });
    expect(file.read(BigInt(position), length)).toEqual(content.slice(position, position + length));
    file.close();
  });

  test('gives fewer at its end and none behind it', () => {
    const file = new RandomAccessFile(folder.write('f', content), { cached });
    expect(file.read(199_995n, 100)).toEqual(content.slice(199_995));
    expect(file.read(131_000n, 90_000)).toEqual(content.slice(131_000));
    expect(file.read(1_000_000n, 100)).toHaveLength(0);
    expect(file.read(1n << 63n, 100)).toHaveLength(0);
    file.close();
  });
});

const text = (file: RandomAccessFile): string => Buffer.from(file.read(0n, 3)).toString();

test('a file that is not cached shows its new content', () => {
  const path = folder.write('f', 'old');
  const [live, kept] = [new RandomAccessFile(path, { cached: false }), new RandomAccessFile(path)];
  expect([text(live), text(kept)]).toEqual(['old', 'old']);
  writeFileSync(path, 'new');
  expect([text(live), text(kept)]).toEqual(['new', 'old']);
  live.close();
  kept.close();
});

describe('what cannot be opened', () => {
  test('a file that is not there', () => {
    const path = folder.at('missing');
    expect(refusal(() => new RandomAccessFile(path))).toEqual(
      refused('memory/not-found', /no such file/u, path),
    );
  });

  test('a folder', () => {
    mkdirSync(folder.at('d'));
    expect(refusal(() => new RandomAccessFile(folder.at('d')))).toEqual(refused('memory/not-a-file'));
  });

  test('a file of another user', () => {
    chmodSync(folder.path, 0o755);
    const path = folder.write('secret');
    chmodSync(path, 0);
    const open = (): unknown => withoutPrivileges(() => new RandomAccessFile(path));
    expect(refusal(open)).toEqual(refused('memory/permission', /permission denied/u, path));
  });
});
