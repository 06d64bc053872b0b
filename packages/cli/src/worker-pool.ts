import { fork, type ChildProcess } from 'node:child_process';
import { CensusBuilder, type Census } from '@kelp/census';
import { KelpError } from '@kelp/core';
import { pluginFiles } from './architectures.ts';

/** What the pool sends to a worker: files to scan, or the end, on which the worker answers with its census. */
export type Request = { readonly files: readonly string[] } | { readonly end: true };

/** What a worker sends back: how many files it has done since the last answer, or its census. */
export type Answer = { readonly done: number } | { readonly census: Census };

/** Files in one request: small enough that all workers end at about the same time. */
const batchSize = 8;

/**
 * Scan files in several processes and add up their censuses. Processes, not threads: each keeps its own buffers, and a
 * file that exhausts memory takes down one of them, not the command.
 *
 * @param onFiles - called with the number of files done since the last call.
 * @throws KelpError `scan/worker` if a process ends before its work.
 */
export async function scanInParallel(
  files: readonly string[],
  jobs: number,
  onFiles: (count: number) => void,
): Promise<Census> {
  const queue = files.values();
  const workers = Array.from({ length: Math.min(jobs, Math.ceil(files.length / batchSize)) }, () =>
    startWorker(),
  );
  try {
    const censuses = await Promise.all(workers.map((worker) => feed(worker, queue, onFiles)));
    const builder = new CensusBuilder();
    for (const census of censuses) builder.addCensus(census);
    return builder.census();
  } finally {
    for (const worker of workers) worker.kill();
  }
}

function startWorker(): ChildProcess {
  // In the repository this file and the worker are TypeScript, in the package both are built.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fork(new URL(`./worker.${extension}`, import.meta.url), pluginFiles(), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

function feed(
  worker: ChildProcess,
  queue: Iterator<string, undefined>,
  onFiles: (count: number) => void,
): Promise<Census> {
  return new Promise((resolve, reject) => {
    const send = (request: Request): void => {
      worker.send(request, (error) => {
        if (error !== null) reject(workerError(`cannot be reached: ${error.message}`));
      });
    };
    const next = (): void => {
      const files = take(queue, batchSize);
      send(files.length === 0 ? { end: true } : { files });
    };
    worker.on('message', (answer: Answer) => {
      if ('census' in answer) {
        resolve(answer.census);
        return;
      }
      onFiles(answer.done);
      next();
    });
    worker.on('error', (error) => reject(workerError(error.message)));
    worker.on('exit', (code, signal) =>
      reject(workerError(`ended early with ${signal ?? `status ${code}`}`)),
    );
    next();
  });
}

function take(queue: Iterator<string, unknown>, count: number): readonly string[] {
  const files: string[] = [];
  while (files.length < count) {
    const next = queue.next();
    if (next.done === true) break;
    files.push(next.value);
  }
  return files;
}

function workerError(what: string): KelpError {
  return new KelpError('scan/worker', `a scanning process ${what}; try again with --jobs 1`);
}
