import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { json, list, listWith, member, run } from './run.ts';

function page(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8');
}

describe('kelp proposals', () => {
  test('docs/proposals.md is current; kelp proposals --format markdown writes it', async () => {
    const { out } = await run('proposals', '--format', 'markdown');
    expect(page('proposals.md')).toBe(out);
  });

  test('docs/proposals.html is current; kelp proposals --format html writes it', async () => {
    const { out } = await run('proposals', '--format', 'html');
    expect(page('proposals.html') === out).toBe(true);
  });

  test('every proposal has evidence on every architecture', async () => {
    const output = await json('proposals');
    const proposals = list(output, 'proposals');
    expect(proposals).toHaveLength(8);
    for (const proposal of proposals) {
      const evidence = list(proposal, 'evidence');
      expect(new Set(evidence.map((one) => member(one, 'architecture')))).toEqual(
        new Set(['x86', 'ppc64le', 's390x', 'arm64']),
      );
      expect(evidence.every((one) => typeof member(one, 'summary') === 'string')).toBe(true);
    }
  });

  test('what playing shows is what the sources of the kernels say', async () => {
    const [today, cleared] = list(await json('proposals'), 'proposals').map((one) => list(one, 'evidence'));
    const shown = (sample: string, architecture: string, kernel: string, summary: string): unknown =>
      listWith(expect.objectContaining({ sample, architecture, kernel, summary }));
    expect(today).toEqual(shown('code', 'x86', '6.1', 'load 2: ENOEXEC'));
    expect(today).toEqual(shown('code', 'x86', '7.3', 'works'));
    expect(today).toEqual(shown('code', 'ppc64le', '6.1', 'load 2: ENOEXEC'));
    expect(today).toEqual(shown('constant', 'ppc64le', '7.3', 'dies'));
    expect(today).toEqual(shown('code', 's390x', '6.12', 'old address used'));
    expect(today).toEqual(shown('jump-label', 's390x', '7.3', 'wrong __jump_table'));
    expect(today).toEqual(shown('jump-label', 'x86', '7.3', 'load 1: ENOEXEC'));
    expect(cleared).toEqual(shown('code', 's390x', '6.12', 'works'));
    expect(cleared).toEqual(shown('constant', 'ppc64le', '7.3', 'dies'));
  });

  test('relocating before finalization makes sections right that late relocations leave wrong', async () => {
    const early = list(await json('proposals'), 'early');
    const sections = early
      .filter((one) => member(one, 'sample') === 'jump-label' && member(one, 'late') === 'done')
      .map((one) => list(one, 'sections'));
    expect(sections.length).toBeGreaterThan(0);
    for (const one of sections) {
      expect(one).toEqual(
        listWith(expect.objectContaining({ section: '__jump_table', causes: ['sorted-table'] })),
      );
    }
    expect(early.every((one) => member(one, 'early') === 'done')).toBe(true);
  });
});
