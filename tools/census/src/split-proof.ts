/**
 * Shows that a census has the same bytes in one process, a second time, and in eight shards that are merged in random order
 * and groups.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const USAGE =
  'usage: npm run split-proof -- PATH...\n\nEach PATH is a folder with the modules of one kernel.\n';
const PROGRAM = fileURLToPath(new URL('../../../packages/cli/src/bin.ts', import.meta.url));
const SHARDS = 8;

function kelp(...args: readonly string[]): void {
  const { status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '-C', '@kelp/source', PROGRAM, ...args],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  if (status !== 0) throw new Error(`kelp ${args.join(' ')} ended with status ${status}`);
}

function hash(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** In an order that nobody chose. */
function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

/** Scan a folder in all the ways; returns whether the bytes are the same. */
function prove(path: string, folder: string): boolean {
  const at = (name: string): string => join(folder, name);
  kelp('scan', path, '--jobs', '1', '-o', at('whole.json'));
  kelp('scan', path, '--jobs', '1', '-o', at('again.json'));
  const shards = Array.from({ length: SHARDS }, (_none, index) => at(`shard-${index + 1}.json`));
  for (const [index, file] of shards.entries())
    kelp('scan', path, '--jobs', '1', '--shard', `${index + 1}/${SHARDS}`, '-o', file);
  const order = shuffled(shards);
  const split = 1 + Math.floor(Math.random() * (SHARDS - 1));
  kelp('merge', ...order.slice(0, split), '-o', at('group.json'));
  kelp('merge', ...shuffled([at('group.json'), ...order.slice(split)]), '-o', at('merged.json'));
  const names = ['whole.json', 'again.json', 'merged.json'];
  const hashes = names.map((name) => hash(at(name)));
  const same = new Set(hashes).size === 1;
  process.stdout.write(`${path}: ${same ? 'the same bytes' : 'DIFFERENT'}, SHA-256 ${hashes.join(' ')}\n`);
  return same;
}

const paths = process.argv.slice(2).map((path) => resolve(path));
if (paths.length === 0) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'kelp-split-'));
  try {
    process.exitCode = paths.map((path) => prove(path, folder)).every(Boolean) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
