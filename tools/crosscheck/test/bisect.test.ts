import { describe, expect, test } from 'vitest';
import { locateDifferences } from '../src/bisect.ts';
import type { Facts } from '../src/facts.ts';
import { addFacts, NO_FACTS } from '../src/facts.ts';
import { sampleFiles } from '../src/sample.ts';

const FILES = Array.from({ length: 20 }, (_, index) => `module-${index}.ko`);

function facts(bytes: number): Facts {
  return { ...NO_FACTS, modules: 1, sections: new Map([['.text', { modules: 1, bytes }]]) };
}

function scanOf(bytes: ReadonlyMap<string, number>): (files: readonly string[]) => Promise<Facts> {
  return async (files) => addFacts(files.map((file) => facts(bytes.get(file) ?? 16)));
}

/** Finds a module too many wherever more than five are scanned together. */
async function scanWithOneMore(files: readonly string[]): Promise<Facts> {
  return addFacts([...files.map(() => facts(16)), ...(files.length > 5 ? [facts(0)] : [])]);
}

const expected = new Map(FILES.map((file) => [file, facts(16)]));

describe('locating differences', () => {
  test('a scan that agrees needs one call', async () => {
    let calls = 0;
    const scan = scanOf(new Map());
    const located = await locateDifferences(FILES, expected, async (files) => {
      calls++;
      return await scan(files);
    });
    expect(located).toEqual([]);
    expect(calls).toBe(1);
  });

  test('each differing file is found', async () => {
    const scan = scanOf(
      new Map([
        ['module-3.ko', 17],
        ['module-19.ko', 0],
      ]),
    );
    expect(await locateDifferences(FILES, expected, scan)).toEqual([
      {
        files: ['module-3.ko'],
        differences: [{ what: 'section .text, bytes', readelf: 16, scan: 17 }],
      },
      {
        files: ['module-19.ko'],
        differences: [{ what: 'section .text, bytes', readelf: 16, scan: 0 }],
      },
    ]);
  });

  test('a difference that only several files together show is not lost', async () => {
    const located = await locateDifferences(FILES, expected, scanWithOneMore);
    expect(located).toHaveLength(2);
    expect(located[0]?.files).toHaveLength(10);
  });
});

describe('the sample', () => {
  const files = FILES.map((file) => `/kernels/a/${file}`);
  const sample = sampleFiles(files, '/kernels/a', '1', 5);

  test('has the size asked for, without repetition', () => {
    expect(new Set(sample).size).toBe(5);
    expect(sampleFiles(files, '/kernels/a', '1', 99)).toHaveLength(20);
  });

  test('depends on the seed and not on the folder', () => {
    const moved = FILES.map((file) => `/elsewhere/${file}`);
    const names = sampleFiles(moved, '/elsewhere', '1', 5).map((file) =>
      file.replace('/elsewhere', '/kernels/a'),
    );
    expect(names).toEqual(sample);
    expect(sampleFiles(files, '/kernels/a', '2', 5)).not.toEqual(sample);
  });

  test('a larger one contains the smaller', () => {
    expect(sampleFiles(files, '/kernels/a', '1', 10)).toEqual(expect.arrayContaining([...sample]));
  });
});
