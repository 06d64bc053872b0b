import { KelpError } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { CensusBuilder, compareReleases } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import type { ModuleInventory } from '../src/inventory.ts';
import { noFunctions, toy } from './toy-architecture.ts';

const truncated = new KelpError('elf/truncated', 'the file is empty');

function inventory(release: string, id = 'toy'): ModuleInventory {
  return {
    architecture: { ...toy, id },
    release,
    image: false,
    sections: [{ name: '.text', bytes: 8, entries: null, special: false, known: false }],
    relocations: [{ section: '.text', type: 1, count: 2 }],
  };
}

function censusOf(build: (builder: CensusBuilder) => void): Census {
  const builder = new CensusBuilder();
  build(builder);
  return builder.census();
}

describe('a census', () => {
  test('of no file holds nothing', () => {
    expect(censusOf(() => {})).toEqual({ schema: 2, architectures: {}, failed: [] });
  });

  test('counts each kernel and all of an architecture', () => {
    const census = censusOf((builder) => {
      for (const release of ['6.1.0', '6.12.0', '6.1.0']) builder.addInventory(inventory(release));
    });
    const counted = census.architectures['toy'];
    expect(counted).toMatchObject({
      modules: 3,
      relocations: [{ type: 1, name: 'R_TOY_64', count: 6, modules: 3 }],
    });
    expect(counted?.kernels.map(({ release, modules }) => [release, modules])).toEqual([
      ['6.1.0', 2],
      ['6.12.0', 1],
    ]);
  });

  test('keeps architectures apart, in the order of their IDs', () => {
    const census = censusOf((builder) => {
      for (const id of ['x86', 'arm64', 'x86']) builder.addInventory(inventory('6.1', id));
    });
    expect(Object.entries(census.architectures).map(([id, { modules }]) => [id, modules])).toEqual([
      ['arm64', 1],
      ['x86', 2],
    ]);
  });

  test('lists a failure under the architecture that the file names', () => {
    const { architectures, failed } = censusOf((builder) => builder.addFailure('a.ko', truncated, 'toy'));
    expect(architectures['toy']).toMatchObject({
      modules: 0,
      kernels: [],
      failed: [{ file: 'a.ko', code: 'elf/truncated', message: 'the file is empty' }],
    });
    expect(failed).toEqual([]);
  });

  test('lists a failure of an unknown architecture by itself', () => {
    const { architectures, failed } = censusOf((builder) => builder.addFailure('a.ko', truncated));
    expect([architectures, failed]).toEqual([
      {},
      [{ file: 'a.ko', code: 'elf/truncated', message: 'the file is empty' }],
    ]);
  });

  test('holds plain data only', () => {
    const census = censusOf((builder) => {
      builder.addInventory(inventory('6.1'));
      builder.addFailure('a.ko', truncated, 'toy');
    });
    expect(JSON.parse(JSON.stringify(census))).toEqual(census);
  });

  test('takes a release that is named like a member of JavaScript objects', () => {
    const census = censusOf((builder) => builder.addInventory(inventory('__proto__')));
    expect(census.architectures['toy']?.kernels[0]?.release).toBe('__proto__');
  });
});

describe('merging', () => {
  const census = censusOf((builder) => {
    builder.addInventory(inventory('6.1'));
    builder.addInventory(inventory('6.12'));
    builder.addFailure('a.ko', truncated, 'toy');
    builder.addFailure('b.ko', truncated);
  });

  test('one census gives it again', () => {
    expect(censusOf((builder) => builder.addCensus(census))).toEqual(census);
  });

  test('does not take the same census for the same files', () => {
    const twice = censusOf((builder) => {
      builder.addCensus(census);
      builder.addCensus(census);
    });
    expect(twice).toMatchObject({ architectures: { toy: { modules: 4 } } });
    expect([twice.failed.length, twice.architectures['toy']?.failed.length]).toEqual([2, 2]);
  });

  test('a census that lists a failure under its kernel does not list it twice', () => {
    const counts = {
      modules: 0,
      images: 0,
      failed: [{ file: 'c.ko', code: 'elf/truncated', message: 'cut' }],
      relocations: [],
      sections: [],
      relocationsBySection: [],
    };
    const other: Census = {
      schema: 2,
      failed: [],
      architectures: {
        toy: { ...counts, kernels: [{ release: '6.1', ...counts, functions: noFunctions, shapes: [] }] },
      },
    };
    expect(censusOf((builder) => builder.addCensus(other))).toEqual(other);
  });

  test('takes as many failures as there are files', () => {
    const failed = Array.from({ length: 300_000 }, () => ({
      file: 'a.ko',
      code: 'elf/truncated',
      message: 'cut',
    }));
    expect(
      censusOf((builder) => builder.addCensus({ schema: 2, architectures: {}, failed })).failed,
    ).toHaveLength(300_000);
  });

  test('a census of another version is refused', () => {
    const other = { ...census, schema: 1 };
    // @ts-expect-error -- that is what the check is for: a census that came from a file.
    expect(() => new CensusBuilder().addCensus(other)).toThrow(
      expect.objectContaining({ code: 'census/schema', message: 'census schema is 1, expected 2' }),
    );
  });
});

describe('compareReleases', () => {
  test('orders older kernels first', () => {
    const releases = [
      '6.12.9',
      '6.1.0-50-amd64',
      '5.10',
      'unknown',
      '6.12.107+deb13-amd64',
      '6.1.0-9-amd64',
      '6.2',
    ];
    expect(releases.toSorted(compareReleases)).toEqual([
      'unknown',
      '5.10',
      '6.1.0-9-amd64',
      '6.1.0-50-amd64',
      '6.2',
      '6.12.9',
      '6.12.107+deb13-amd64',
    ]);
  });

  test('orders releases of the same numbers by their text', () => {
    const releases = ['6.1-cloud-amd64', '6.1-amd64', '6.1-rt-amd64'];
    expect(releases.toSorted(compareReleases)).toEqual(['6.1-amd64', '6.1-cloud-amd64', '6.1-rt-amd64']);
  });

  test('finds a release equal to itself only', () => {
    expect([compareReleases('6.1', '6.1'), compareReleases('6.1', '6.1.0') === 0]).toEqual([0, false]);
  });

  test('takes numbers that are too large for a number', () => {
    const [one, other] = [`6.${'9'.repeat(400)}.1`, `6.${'9'.repeat(400)}.2`];
    expect([compareReleases(one, other), compareReleases(other, one)].map(Math.sign)).toEqual([-1, 1]);
  });
});
