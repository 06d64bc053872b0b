import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { CensusBuilder, FileScanner, findModules, readCensus, shardOf, type Census } from '@kelp/census';
import { fileError, KelpError } from '@kelp/core';
import { InvalidArgumentError } from 'commander';
import { architectures } from './architectures.ts';
import type { Io } from './io.ts';
import { startProgress } from './progress.ts';
import { scanInParallel } from './worker-pool.ts';

/** One of `of` parts of the work, from 0. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** How modules are scanned. */
export interface ScanOptions {
  readonly jobs: number;
  readonly shard?: Shard;
}

/** Processes unless `--jobs` says otherwise. */
export const defaultJobs = availableParallelism();

export function parseJobs(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 1024)
    throw new InvalidArgumentError('expected a number from 1 to 1024');
  return jobs;
}

/**
 * A census of modules and folders, of census files, or of both together.
 *
 * @throws KelpError `scan/no-modules`, `census/damaged`, `census/schema`, `file/...`.
 */
export async function censusOf(paths: readonly string[], options: ScanOptions, io: Io): Promise<Census> {
  const files = paths.filter(isCensus);
  const builder = new CensusBuilder();
  for (const file of files) builder.addCensus(readCensus(file));
  const others = paths.filter((path) => !files.includes(path));
  if (others.length > 0) builder.addCensus(await scanModules(others, options, io));
  return builder.census();
}

/** Modules are ELF files or compressed; a census is a JSON object. */
function isCensus(path: string): boolean {
  if (path.endsWith('.json')) return true;
  try {
    if (!statSync(path).isFile()) return false;
    const descriptor = openSync(path, 'r');
    try {
      const start = Buffer.alloc(1);
      return readSync(descriptor, start) === 1 && start.toString('latin1') === '{';
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** @throws KelpError `scan/no-modules`, `scan/worker`. */
export async function scanModules(
  paths: readonly string[],
  { jobs, shard }: ScanOptions,
  io: Io,
): Promise<Census> {
  const found = findModules(paths);
  if (found.files.length === 0 && found.errors.length === 0) {
    const message = 'no module in there; expected *.ko, *.ko.xz, *.ko.gz, *.ko.zst or vmlinux';
    throw new KelpError('scan/no-modules', message, { file: paths.join(' ') });
  }
  const isMine = (file: string): boolean => shard === undefined || shardOf(file, shard.of) === shard.index;
  const files = found.files.filter(isMine);
  const builder = new CensusBuilder();
  for (const error of found.errors) if (isMine(error.file ?? '')) builder.addFailure(error.file ?? '', error);
  const progress = startProgress(files.length, io);
  try {
    // Uncompressed modules are read faster than another process starts; compressed ones are worth all cores.
    const compressed = files.filter(isCompressed);
    const inParallel = jobs > 1 && compressed.length >= 16;
    if (inParallel) builder.addCensus(await scanInParallel(compressed, jobs, progress.add));
    const scanner = new FileScanner(architectures, builder);
    for (const file of inParallel ? files.filter((one) => !isCompressed(one)) : files) {
      await scanner.scan(file);
      progress.add(1);
    }
  } finally {
    progress.stop();
  }
  return builder.census();
}

function isCompressed(file: string): boolean {
  return /\.(?:xz|gz|zst)$/u.test(file);
}
