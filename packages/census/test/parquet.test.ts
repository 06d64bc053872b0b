import * as fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { CensusBuilder } from '../src/census-builder.ts';
import type { Census } from '../src/census.ts';
import { parquetTables } from '../src/parquet.ts';
import { toy } from './toy-architecture.ts';

interface Sections {
  readonly release: string;
  readonly name: string;
  readonly entries: number | null;
}

function censusOf(sections: readonly Sections[]): Census {
  const builder = new CensusBuilder();
  for (const { release, name, entries } of sections) {
    builder.addInventory({
      architecture: toy,
      release,
      image: false,
      sections: [{ name, bytes: 2 ** 40, entries, special: true, known: false }],
      relocations: [{ section: name, type: 1, count: 3 }],
    });
  }
  return builder.census();
}

async function read(census: Census, table: string): Promise<readonly unknown[]> {
  const found = parquetTables(census).find(({ name }) => name === table);
  if (found === undefined) throw new Error(`no table ${table}`);
  const { buffer, byteOffset, byteLength } = found.bytes;
  return parquetReadObjects({ file: new Uint8Array(buffer, byteOffset, byteLength).slice().buffer });
}

describe('a census as Parquet', () => {
  const census = censusOf([
    { release: '6.1.0', name: '__bugs', entries: 4 },
    { release: '6.1.0', name: '__odd', entries: null },
    { release: '6.12.0', name: 'é\u001b|', entries: 0 },
  ]);

  test('has a row for each section of each kernel, with numbers of 64 bits and nulls', async () => {
    expect(await read(census, 'sections')).toEqual([
      {
        architecture: 'toy',
        release: '6.1.0',
        section: '__bugs',
        modules: 1n,
        bytes: 2n ** 40n,
        entries: 4n,
        special: true,
        known: false,
      },
      {
        architecture: 'toy',
        release: '6.1.0',
        section: '__odd',
        modules: 1n,
        bytes: 2n ** 40n,
        entries: null,
        special: true,
        known: false,
      },
      {
        architecture: 'toy',
        release: '6.12.0',
        section: 'é\u001b|',
        modules: 1n,
        bytes: 2n ** 40n,
        entries: 0n,
        special: true,
        known: false,
      },
    ]);
  });

  test('answers the query "which relocation types does each kernel use, how often" as the census does', async () => {
    const rows = await read(census, 'relocations');
    expect(rows).toEqual([
      expect.objectContaining({ release: '6.1.0', name: 'R_TOY_64', count: 6n, modules: 2n }),
      expect.objectContaining({ release: '6.12.0', name: 'R_TOY_64', count: 3n, modules: 1n }),
    ]);
  });

  test('of nothing has tables without rows', async () => {
    const empty = new CensusBuilder().census();
    for (const { name } of parquetTables(empty)) expect([name, await read(empty, name)]).toEqual([name, []]);
  });

  test('has the same bytes for the same census', () => {
    const [one, other] = [parquetTables(census), parquetTables(census)].map((tables) =>
      tables.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    );
    expect(one).toEqual(other);
  });

  test('keeps any name and number', async () => {
    const row = fc.record({
      release: fc.constantFrom('6.1.0', '6.12.0'),
      name: fc.string({ unit: 'binary', maxLength: 8 }),
      entries: fc.option(fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 6 }), async (rows) => {
        const made = censusOf(rows);
        const expected = (made.architectures['toy']?.kernels ?? []).flatMap(({ release, sections }) =>
          sections.map(({ name, entries }) => ({
            release,
            section: name,
            entries: entries === null ? null : BigInt(entries),
          })),
        );
        const found = await read(made, 'sections');
        expect(found).toEqual(expected.map((one): unknown => expect.objectContaining(one)));
      }),
      { numRuns: 40 },
    );
  });
});
