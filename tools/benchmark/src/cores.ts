import { readFile } from 'node:fs/promises';

/** Numbers of the cores that this process may use, from a list such as `0-3,8`. */
export async function allowedCores(): Promise<readonly number[]> {
  const status = await readFile('/proc/self/status', 'utf8');
  const ranges = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? '0';
  return ranges.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
