import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { run } from './run.ts';

/** What bash would offer for the words behind `kelp`; the last one is being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { out } = await run('completion', 'bash');
  const quoted = ['kelp', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `${out}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _kelp; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8', cwd: '/' }).trim().split('\n');
}

describe('completion for bash', () => {
  test('of a command', async () => {
    expect(await offered('ins')).toEqual(['inspect']);
    expect(await offered('')).toContain('matrix');
  });

  test('of an option of the command, also behind --plugin', async () => {
    expect(await offered('inspect', '--ker')).toEqual(['--kernel']);
    expect(await offered('--plugin', 'x.js', 'matrix', '--cen')).toEqual(['--census']);
    expect(await offered('--pl')).toEqual(['--plugin']);
  });

  test('of a word that an option takes', async () => {
    expect(await offered('matrix', '--format', 'mark')).toEqual(['markdown']);
  });

  test('of a file', async () => {
    expect(await offered('inspect', 'et')).toContain('etc');
  });
});

describe('completion for zsh', () => {
  test('names every command with what it does, and its options', async () => {
    const { out, status } = await run('completion', 'zsh');
    expect(status).toBe(0);
    expect(out.startsWith('#compdef kelp\n')).toBe(true);
    expect(out).toContain(
      "'inspect:show what a module carries and whether the loader of a kernel accepts it'",
    );
    expect(out).toMatch(/'--format\[how to print\]:value:\(terminal markdown [a-z ]+\)'/u);
  });
});

test('another shell is an error', async () => {
  const { status, error } = await run('completion', 'fish');
  expect(status).toBe(2);
  expect(error).toContain('bash, zsh');
});
