import { createHash } from 'node:crypto';
import { basename } from 'node:path';

const installed = /.*(?:^|\/)modules\/[^/]+\/(.+)$/su;
const compression = /\.(?:xz|gz|zst)$/u;

/**
 * What a file is called in a census: its path below /lib/modules/RELEASE, `kernel/fs/ext4/ext4.ko`, or its name where it
 * lies elsewhere. The same on every machine, and whether the file is compressed or not.
 */
export function modulePath(file: string): string {
  return (installed.exec(file)?.[1] ?? basename(file)).replace(compression, '');
}

/**
 * Which of `shards` parts a file belongs to, from 0. By a hash of its {@link modulePath}: machines that see the same
 * tree at other places agree, and one more module moves no other.
 */
export function shardOf(file: string, shards: number): number {
  const hash = createHash('sha256').update(modulePath(file)).digest();
  return hash.readUIntBE(0, 6) % shards;
}
