import { expect, test } from 'vitest';
import { memoryTogether, parseMemory, peakMemory } from '../src/memory.ts';

const ROLLUP = `00400000-7ffd [rollup]
Rss:               61440 kB
Pss:               30000 kB
Pss_Dirty:         10000 kB
Shared_Clean:      40960 kB
Shared_Dirty:          0 kB
Private_Clean:     10240 kB
Private_Dirty:     10240 kB
Swap:                  0 kB
`;

test('private and shared pages of a process', () => {
  expect(parseMemory(ROLLUP)).toEqual({ own: 20480 * 1024, shared: 40960 * 1024 });
});

test('a process that has ended has none', () => {
  expect(parseMemory('')).toEqual({ own: 0, shared: 0 });
});

test('what processes share counts once', () => {
  expect(memoryTogether([])).toBe(0);
  expect(
    memoryTogether([
      { own: 10, shared: 40 },
      { own: 20, shared: 39 },
    ]),
  ).toBe(70);
});

test('memory of child processes counts', async () => {
  const size = 200e6;
  const program = `const held = Buffer.alloc(${size}, 1); setTimeout(() => held.length, 300)`;
  const parent = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(program)}])`;
  expect(await peakMemory({ program: [process.execPath, '-e', parent] })).toBeGreaterThan(size);
});
