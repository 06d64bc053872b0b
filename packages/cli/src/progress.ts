import { Presets, SingleBar } from 'cli-progress';
import type { Io } from './io.ts';

/** A bar on a terminal, nothing in a pipe. */
export interface Progress {
  /** So many more files are done. */
  readonly add: (count: number) => void;
  readonly stop: () => void;
}

/** Start a bar over `total` files on the error stream. */
export function startProgress(total: number, io: Io): Progress {
  if (!io.progress || total < 2) return { add: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total} files, {eta_formatted} left',
      clearOnComplete: true,
      hideCursor: true,
      stream: process.stderr,
    },
    Presets.shades_grey,
  );
  bar.start(total, 0);
  return { add: (count) => bar.increment(count), stop: () => bar.stop() };
}
