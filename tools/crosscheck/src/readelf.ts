import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import type { Facts } from './facts.ts';
import { moduleFacts } from './facts.ts';
import { createReadelfReader } from './readelf-output.ts';

/** Programs that write a compressed module's content to standard output; not the code that the scan uses. */
const DECOMPRESSORS: ReadonlyMap<string, readonly [string, ...string[]]> = new Map([
  ['.xz', ['xz', '-dc']],
  ['.gz', ['gzip', '-dc']],
  ['.zst', ['zstd', '-dc']],
]);

/** Facts about one module, as readelf sees it; a compressed one is unpacked into a temporary folder first. */
export async function readelfFacts(file: string, readelf: string): Promise<Facts> {
  const extension = [...DECOMPRESSORS.keys()].find((name) => file.endsWith(name));
  if (extension === undefined) return readPlain(file, readelf);
  const folder = await mkdtemp(join(tmpdir(), 'kelp-crosscheck-'));
  try {
    const plain = join(folder, 'module.ko');
    await decompress(file, DECOMPRESSORS.get(extension) ?? ['cat'], plain);
    return await readPlain(plain, readelf, file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function decompress(
  file: string,
  [program, ...options]: readonly [string, ...string[]],
  plain: string,
): Promise<void> {
  const child = spawn(program, [...options, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = exitStatus(child, program);
  await pipeline(child.stdout, createWriteStream(plain));
  await closed;
}

/** The kernel's release in the path of an installed module; empty elsewhere. */
function releaseOf(file: string): string {
  return /\/modules\/([^/]+)\//.exec(file)?.[1] ?? '';
}

async function readPlain(file: string, readelf: string, named = file): Promise<Facts> {
  const child = spawn(readelf, ['--file-header', '--section-details', '--relocs', '--wide', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const closed = exitStatus(child, readelf);
  const reader = createReadelfReader();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => reader.line(line));
  await closed;
  return moduleFacts(reader.end(), releaseOf(named));
}

async function exitStatus(child: ReturnType<typeof spawn>, program: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${program} ended with status ${status ?? 'none'}`));
    });
  });
}
