/** Where a command writes, and what kind of place that is. Tests pass their own. */
export interface Io {
  /** Results go here and nothing else. */
  readonly out: (text: string) => void;
  /** Errors, warnings and progress. */
  readonly error: (text: string) => void;
  /** Columns of the terminal behind `out`; undefined in a pipe. */
  readonly width: number | undefined;
  /** Whether `out` shows colors. */
  readonly color: boolean;
  /** Whether a progress bar may be drawn on the error stream. */
  readonly progress: boolean;
}

/** Exit statuses: 0 fine, 1 findings, 2 unusable input or usage. */
export type ExitStatus = 0 | 1 | 2;

/** Takes the exit status of the command that ran. */
export type Finish = (status: ExitStatus) => void;

/** The streams of this process. NO_COLOR turns colors off, as everywhere. */
export function processIo(): Io {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => stdout.write(text),
    error: (text) => stderr.write(text),
    width: stdout.isTTY ? stdout.columns : undefined,
    color: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    progress: stderr.isTTY,
  };
}
