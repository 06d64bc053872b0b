import { afterEach, describe, expect, test, vi } from 'vitest';
import { processIo } from '../src/io.ts';
import { startProgress } from '../src/progress.ts';

const originals = [process.stdout, process.stderr].map(
  (stream) => [stream, Object.getOwnPropertyDescriptor(stream, 'isTTY')] as const,
);

/** Node gives a stream that is no terminal no isTTY at all. */
function setTerminal(isTerminal: boolean): void {
  for (const [stream] of originals) {
    if (isTerminal) Object.defineProperty(stream, 'isTTY', { value: true, configurable: true });
    else Reflect.deleteProperty(stream, 'isTTY');
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const [stream, descriptor] of originals) {
    if (descriptor === undefined) Reflect.deleteProperty(stream, 'isTTY');
    else Object.defineProperty(stream, 'isTTY', descriptor);
  }
});

describe('in a pipe', () => {
  test.each(['CI', 'FORCE_COLOR'])(
    'there is neither color nor width nor a progress bar, even with %s',
    (name) => {
      setTerminal(false);
      vi.stubEnv(name, 'true');
      vi.stubEnv('NO_COLOR', undefined);
      expect(processIo()).toMatchObject({ width: undefined, color: false, progress: false });
    },
  );
});

describe('on a terminal', () => {
  test.each([
    [undefined, 'xterm', true],
    ['', 'xterm', true],
    ['1', 'xterm', false],
    [undefined, 'dumb', false],
  ])('with NO_COLOR=%j and TERM=%s color is %s', (noColor, terminal, color) => {
    setTerminal(true);
    vi.stubEnv('NO_COLOR', noColor);
    vi.stubEnv('TERM', terminal);
    expect(processIo()).toMatchObject({ color, progress: true });
  });
});

test('results and errors go to their streams', () => {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const error = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const io = processIo();
  io.out('result');
  io.error('mistake');
  expect([out.mock.calls, error.mock.calls]).toEqual([[['result']], [['mistake']]]);
});

test('no progress bar is drawn in a pipe, or for one file', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  for (const [total, progress] of [
    [100, false],
    [1, true],
  ] as const) {
    const bar = startProgress(total, { ...processIo(), progress });
    bar.add(1);
    bar.stop();
  }
  expect(write).not.toHaveBeenCalled();
});
