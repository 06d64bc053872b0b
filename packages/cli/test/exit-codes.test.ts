import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const document = readFileSync(fileURLToPath(new URL('../../../docs/exit-codes.md', import.meta.url)), 'utf8');
const documented = [...document.matchAll(/^\| `kelp ([a-z]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$/gmu)];

describe('docs/exit-codes.md', () => {
  it('lists every command', async () => {
    const { out } = await run('--help');
    const commands = [
      ...(/\nCommands:\n([^]*)$/u.exec(out)?.[1] ?? '').matchAll(/^ {2}([a-z]+)(?: |$)/gmu),
    ].map(([, name]) => name);
    const named = new Set(documented.map(([, name]) => name));
    // The help of the command and the completion of the shell report nothing.
    expect(commands.filter((name) => name !== 'help' && name !== 'completion' && !named.has(name))).toEqual(
      [],
    );
    expect(commands.length).toBeGreaterThan(15);
  });

  it.each(documented.map(([, command = '', , findings = '']) => [command, findings.trim() !== '']))(
    'kelp %s says the same in its help',
    async (command, hasFindings) => {
      const { status, out } = await run(command, '--help');
      expect(status).toBe(0);
      const told = /Exit status:([^]*)$/u.exec(out)?.[1] ?? '';
      expect([command, /\b1 /u.test(told)]).toEqual([command, hasFindings]);
    },
  );
});
