import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, symlinkSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FileReader } from '../src/file-reader.ts';
import { TemporaryFolder, withoutPrivileges } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** Read a file that cannot be read. */
function failure(path: string): Promise<unknown> {
  return new FileReader().read(path).catch((error: unknown) => error);
}

describe('a file', () => {
  test('is read as it is', async () => {
    expect([...(await new FileReader().read(folder.write('a.ko', Uint8Array.of(1, 2, 3))))]).toEqual([
      1, 2, 3,
    ]);
  });

  test('may be empty', async () => {
    expect(await new FileReader().read(folder.write('a.ko'))).toHaveLength(0);
  });

  test('is uncompressed by its first bytes, whatever its name', async () => {
    const path = folder.write('a.ko', gzipSync(Uint8Array.of(4, 5)));
    expect([...(await new FileReader().read(path))]).toEqual([4, 5]);
  });

  test('may be larger than all before it', async () => {
    const reader = new FileReader();
    await reader.read(folder.write('small', Uint8Array.of(1)));
    const large = await reader.read(folder.write('large', new Uint8Array(3_000_000).fill(7)));
    expect([large.length, large.every((byte) => byte === 7)]).toEqual([3_000_000, true]);
  });

  test('shows nothing of a larger one that was read before it', async () => {
    const reader = new FileReader();
    await reader.read(folder.write('large', new Uint8Array(100).fill(9)));
    expect([...(await reader.read(folder.write('small', Uint8Array.of(1, 2))))]).toEqual([1, 2]);
  });

  test('may be a link to another', async () => {
    symlinkSync(folder.write('a.ko', Uint8Array.of(8)), folder.at('link.ko'));
    expect([...(await new FileReader().read(folder.at('link.ko')))]).toEqual([8]);
  });
});

describe('a path', () => {
  test('that does not exist is file/not-found', async () => {
    expect(await failure(folder.at('none.ko'))).toMatchObject({
      code: 'file/not-found',
      file: folder.at('none.ko'),
    });
  });

  test('below a file is file/not-found', async () => {
    const path = `${folder.write('a.ko')}/b.ko`;
    expect(await failure(path)).toMatchObject({ code: 'file/not-found', file: path });
  });

  test('of links that lead to each other is file/not-found', async () => {
    symlinkSync('b', folder.at('a'));
    symlinkSync('a', folder.at('b'));
    expect(await failure(folder.at('a'))).toMatchObject({ code: 'file/not-found', file: folder.at('a') });
  });

  test('of a folder is file/not-a-file', async () => {
    expect(await failure(folder.path)).toMatchObject({ code: 'file/not-a-file', file: folder.path });
  });

  test('of a device is file/not-a-file', async () => {
    expect(await failure('/dev/null')).toMatchObject({ code: 'file/not-a-file', file: '/dev/null' });
  });

  test('of a socket is file/not-a-file', async () => {
    const server = createServer().listen(folder.at('socket'));
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      expect(await failure(folder.at('socket'))).toMatchObject({
        code: 'file/not-a-file',
        file: folder.at('socket'),
      });
    } finally {
      server.close();
    }
  });

  test('of a pipe that nobody writes to is file/not-a-file, at once', async () => {
    const pipe = folder.at('pipe');
    execFileSync('mkfifo', [pipe]);
    // Were the reader to wait for somebody who writes, this one would let it go on after two seconds.
    const writer = spawn('sh', ['-c', 'sleep 2; exec 3<>"$0"; sleep 1', pipe]);
    const start = performance.now();
    try {
      expect(await failure(pipe)).toMatchObject({ code: 'file/not-a-file', file: pipe });
      expect(performance.now() - start).toBeLessThan(1000);
    } finally {
      writer.kill();
    }
  });

  test('of a file without permission is file/permission', async () => {
    const path = folder.write('secret.ko', Uint8Array.of(1));
    chmodSync(folder.path, 0o755);
    chmodSync(path, 0);
    expect(await withoutPrivileges(() => failure(path))).toMatchObject({
      code: 'file/permission',
      file: path,
    });
  });

  test('in a folder without permission is file/permission', async () => {
    const path = folder.write('closed/a.ko', Uint8Array.of(1));
    chmodSync(folder.path, 0o755);
    chmodSync(folder.at('closed'), 0);
    const error = await withoutPrivileges(() => failure(path));
    chmodSync(folder.at('closed'), 0o755);
    expect(error).toMatchObject({ code: 'file/permission', file: path });
  });

  test('of a file of 2 GiB is file/too-large', async () => {
    const path = folder.write('huge.ko');
    truncateSync(path, 2 ** 31);
    expect(await failure(path)).toMatchObject({ code: 'file/too-large', file: path });
  });

  test('of a damaged gzip file is file/damaged-compression', async () => {
    const path = folder.write('a.ko.gz', gzipSync(new Uint8Array(100)).subarray(0, 15));
    expect(await failure(path)).toMatchObject({ code: 'file/damaged-compression', file: path });
  });

  test('that no system takes is file/unreadable', async () => {
    expect(await failure('a\0b')).toMatchObject({ code: 'file/unreadable', file: 'a\0b' });
  });
});
