import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { fixture, run, textLike } from './run.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();
const bin = fileURLToPath(new URL('../src/bin.ts', import.meta.url));

/** Run the command as a process of its own, with its streams in pipes. */
function spawnKelp(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly out: string; readonly error: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', '@kelp/source', bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    printed.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    printed.error += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...printed }));
  });
}

/** Compressed copies of fixtures of all architectures, a damaged one among them, and one that is not compressed. */
function compressedModules(): void {
  const names = ['x86', 'ppc64le', 's390x', 'arm64'].flatMap((id) =>
    ['5.10', '6.1', '6.12', '7.3'].map((kernel) => `${id}/hello-${kernel}`),
  );
  for (const name of names) folder.write(`${name}.ko.gz`, gzipSync(readFileSync(fixture(`${name}.ko`))));
  folder.write('x86/cut.ko.gz', gzipSync(readFileSync(fixture('x86/hello-6.1.ko')).subarray(0, 3000)));
  folder.write('plain.ko', readFileSync(fixture('arm64/hello-6.1.ko')));
}

test('several processes give the same bytes as one, and no progress bar in a pipe', async () => {
  compressedModules();
  const [several, one] = await Promise.all(
    ['2', '1'].map((jobs) => spawnKelp('scan', folder.path, '--json', '--jobs', jobs)),
  );
  const damaged = textLike(/^kelp: [^\n]*cut\.ko\.gz: [^\n]*\n$/u);
  expect([several?.status, several?.error]).toEqual([2, damaged]);
  expect(JSON.parse(several?.out ?? '')).toMatchObject({
    architectures: {
      arm64: { modules: 5 },
      x86: { modules: 4, failed: [{ file: `${folder.path}/x86/cut.ko.gz` }] },
    },
  });
  expect(several).toEqual(one);
}, 20_000);

describe('a process that ends early', () => {
  const { execArgv } = process;

  afterEach(() => {
    process.execArgv = execArgv;
  });

  test('is an error of the command', async () => {
    compressedModules();
    // What every process of the pool runs first.
    process.execArgv = ['--import', 'data:text/javascript,process.exit(3)'];
    const { status, out, error } = await run('scan', folder.path, '--jobs', '2');
    expect([status, out]).toEqual([2, '']);
    expect(error).toBe(
      'kelp: a scanning process ended early with status 3; try again with --jobs 1 (scan/worker)\n',
    );
  });
});
