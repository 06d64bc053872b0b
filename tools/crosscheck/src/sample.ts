import { createHash } from 'node:crypto';
import { relative } from 'node:path';

/**
 * A random sample that depends only on seed and names: the files whose hashes are smallest, in the order of their
 * names. A larger sample with the same seed contains the smaller one.
 *
 * @param folder what the files' paths are taken relative to, so that the sample does not depend on where it lies.
 */
export function sampleFiles(
  files: readonly string[],
  folder: string,
  seed: string,
  size: number,
): readonly string[] {
  const hash = (file: string): string =>
    createHash('sha256')
      .update(`${seed}\0${relative(folder, file)}`)
      .digest('hex');
  return files
    .map((file) => ({ file, hash: hash(file) }))
    .toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
    .slice(0, size)
    .map(({ file }) => file)
    .toSorted();
}
