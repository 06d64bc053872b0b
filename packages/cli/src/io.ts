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
  // What is no terminal has no isTTY, whatever its type says; undefined would leave the choice of colors to a library.
  const isTerminal = 'isTTY' in stdout && stdout.isTTY;
  return {
    out: (text) => stdout.write(text),
    error: (text) => stderr.write(text),
    width: isTerminal ? stdout.columns : undefined,
    color: isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    progress: 'isTTY' in stderr && stderr.isTTY,
  };
}

/** A reader that closes the pipe early, such as head, is no error. */
export function endOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
