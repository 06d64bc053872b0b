import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArchitectureCensus } from './census-json.ts';
import { parseCensus } from './census-json.ts';

/** The built command line program, as a user runs it. */
const PROGRAM = fileURLToPath(new URL('../../../packages/cli/dist/bin.js', import.meta.url));

/** Exit status of `kelp scan` when it went through all files and some of them were damaged. */
export const SOME_FAILED = 2;

/**
 * Path of the built command line program.
 *
 * @throws Error when it has not been built.
 */
export function kelpProgram(): string {
  if (existsSync(PROGRAM)) return PROGRAM;
  throw new Error('the command line program is not built; run: npm run build');
}

/** Runs kelp with its output going to a file; returns the exit status. */
export async function runKelp(parameters: readonly string[], output: string): Promise<number> {
  const file = await open(output, 'w');
  try {
    const child = spawn(process.execPath, [kelpProgram(), ...parameters], {
      stdio: ['ignore', file.fd, 'inherit'],
    });
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, signal) => {
        if (status === null) reject(new Error(`kelp ${parameters[0] ?? ''} ended by ${signal ?? 'nothing'}`));
        else resolve(status);
      });
    });
  } finally {
    await file.close();
  }
}

/**
 * Runs `kelp scan --json` into a file and reads the result, damaged files included.
 *
 * @throws Error when the scan did not get through.
 */
export async function scanInto(
  paths: readonly string[],
  output: string,
): Promise<ReadonlyMap<string, ArchitectureCensus>> {
  const status = await runKelp(['scan', ...paths, '--json'], output);
  if (status !== 0 && status !== SOME_FAILED) throw new Error(`kelp scan ended with status ${status}`);
  const text = await readFile(output, 'utf8');
  if (text === '') throw new Error(`kelp scan ended with status ${status} and printed no census`);
  return parseCensus(text);
}

/** Scans without keeping the output. */
export async function scan(paths: readonly string[]): Promise<ReadonlyMap<string, ArchitectureCensus>> {
  const folder = await mkdtemp(join(tmpdir(), 'kelp-scan-'));
  try {
    return await scanInto(paths, join(folder, 'census.json'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
