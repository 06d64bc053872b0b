import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const document = readFileSync(fileURLToPath(new URL('../../../docs/exit-codes.md', import.meta.url)), 'utf8');
const documented = [...document.matchAll(/^\| `kelp ([a-z]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$/gmu)];

describe('docs/exit-codes.md', () => {
  it('lists commands', () => {
    expect(documented.length).toBeGreaterThan(8);
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
