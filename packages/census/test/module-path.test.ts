import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { modulePath, shardOf } from '../src/module-path.ts';

describe('the path of a module in a census', () => {
  test.each([
    ['/lib/modules/6.1.0-50-amd64/kernel/fs/ext4/ext4.ko', 'kernel/fs/ext4/ext4.ko'],
    ['/srv/root/usr/lib/modules/7.3-amd64/kernel/net/tls/tls.ko.xz', 'kernel/net/tls/tls.ko'],
    ['modules/6.1/updates/dkms/zfs.ko.zst', 'updates/dkms/zfs.ko'],
    ['/lib/modules/6.1/build/modules/6.1/kernel/a.ko.gz', 'kernel/a.ko'],
    ['build/drivers/net/dummy.ko', 'dummy.ko'],
    ['/boot/vmlinux', 'vmlinux'],
    ['/lib/modules/a.ko', 'a.ko'],
    ['/lib/modules/6.1/ev\nil.ko', 'ev\nil.ko'],
  ])('%j is %j', (file, path) => {
    expect(modulePath(file)).toBe(path);
  });
});

describe('the shard of a module', () => {
  test('is one of the shards, the same wherever the tree lies and however the file is compressed', () => {
    const name = fc.stringMatching(/^[a-z0-9_-]{1,12}$/u);
    fc.assert(
      fc.property(name, fc.integer({ min: 1, max: 1000 }), (module, shards) => {
        const shard = shardOf(`/lib/modules/6.1/kernel/fs/${module}.ko`, shards);
        expect(shard).toBeGreaterThanOrEqual(0);
        expect(shard).toBeLessThan(shards);
        expect(shardOf(`/mnt/x/lib/modules/6.1/kernel/fs/${module}.ko.xz`, shards)).toBe(shard);
      }),
    );
  });

  test('is spread evenly', () => {
    const counts = [0, 0, 0, 0];
    for (let index = 0; index < 4000; index++) {
      const shard = shardOf(`/lib/modules/6.1/kernel/drivers/module-${index}.ko`, 4);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
