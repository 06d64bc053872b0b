import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run } from './run.ts';

const commands = ['inspect', 'scan', 'matrix', 'explain', 'load', 'verify', 'capture'];

describe('help', () => {
  test.each([['--help'], ['-h'], ['help']])('%s lists the commands', async (option) => {
    const { status, out, error } = await run(option);
    expect([status, error]).toEqual([0, '']);
    expect(out).toMatch(/^Usage: kelp \[options\] \[command\]\n/u);
    for (const command of commands) expect(out).toContain(`\n  ${command} [options]`);
  });

  test.each(commands)('of %s', async (command) => {
    const help = await run('help', command);
    expect(help).toEqual(await run(command, '--help'));
    expect(help).toMatchObject({ status: 0, error: '' });
    expect(help.out).toMatch(new RegExp(`^Usage: kelp ${command} `, 'u'));
    expect(help.out).toContain('--json');
  });

  test('of the commands that end with more than one status tells them', async () => {
    for (const command of ['inspect', 'scan', 'matrix']) {
      expect((await run(command, '--help')).out).toContain('\nExit status: 0 ');
    }
  });
});

test.each([['--version'], ['-V']])('%s prints the version of the package', async (option) => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(manifest).toHaveProperty('version');
  const { status, out } = await run(option);
  expect(status).toBe(0);
  expect(manifest).toHaveProperty('version', out.trim());
});

describe('a wrong command line ends with 2 and prints no result', () => {
  test.each([
    [[], 'Usage: kelp'],
    [['bogus'], "error: unknown command 'bogus'"],
    [['scna', '.'], "error: unknown command 'scna'"],
    [['--bogus'], "error: unknown option '--bogus'"],
    [['inspect'], "error: missing required argument 'file'"],
    [['inspect', '--entries'], "error: missing required argument 'file'"],
    [['inspect', 'a.ko', 'b.ko'], 'error: too many arguments'],
    [['inspect', 'a.ko', '--kernel'], "error: option '--kernel <release>' argument missing"],
    [['scan'], "error: missing required argument 'path'"],
    [['scan', '.', '--jobs', '0'], 'expected a number from 1 to 1024'],
    [['scan', '.', '--jobs', 'many'], 'expected a number from 1 to 1024'],
    [['matrix', '--format', 'pdf'], 'Allowed choices are terminal, markdown, html, json'],
    [['explain'], "error: missing required argument 'name'"],
    [['explain', 'a', 'b'], 'error: too many arguments'],
  ])('%j', async (args, message) => {
    const { status, out, error } = await run(...args);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(message);
  });
});
