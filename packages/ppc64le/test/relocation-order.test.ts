import { parseKernel } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
} from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { countRuns, sortRelocations, type OrderedRelocations } from '../src/relocation-order.ts';

type Record = readonly [symbol: number, type: number, addend: bigint];

function sorted(records: readonly Record[], release: string, rounds = 1): OrderedRelocations {
  const bytes = writeObjectFile({
    machine: 21,
    byteOrder: 'little',
    sections: [
      { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(256) },
      {
        name: '.rela.text',
        type: SHT_RELA,
        info: 1,
        relocations: records.map(([symbol, type, addend], index) => ({
          offset: index * 4,
          type,
          symbol,
          addend,
        })),
      },
    ],
    symbols: [],
  });
  const object = parseObjectFile(bytes, 'sorted.ko');
  const section = object.section('.rela.text');
  const table = section === undefined ? undefined : object.relocations(section);
  if (table === undefined) throw new Error('no records');
  return sortRelocations(table, parseKernel(release), rounds);
}

const records: readonly Record[] = [
  [5, 10, 0n],
  [2, 38, 8n],
  [5, 10, 0n],
  [9, 10, 0n],
  [5, 10, -8n],
  [2, 38, 8n],
  [5, 10, -8n],
  [0, 10, 0n],
  [9, 50, 4n],
  [5, 10, 0n],
  [0, 10, 0n],
  [5, 10, 0x1_0000_0000n],
  [9, 10, 0n],
  [5, 10, 0x1_0000_0000n],
];

function countCalls(all: OrderedRelocations): number {
  return countRuns(all, (record) => all.types[record] === 10);
}

// Expected: relacmp() and count_relocs() of the kernel compiled with lib/sort.c of the release.
describe('the order of records', () => {
  test.each([
    ['6.1', 1, [8, 12, 3, 11, 13, 2, 9, 0, 6, 4, 5, 1, 10, 7]],
    ['6.1', 2, [8, 3, 12, 13, 11, 9, 2, 0, 4, 6, 1, 5, 7, 10]],
    ['6.12', 1, [8, 12, 3, 11, 13, 0, 9, 2, 4, 6, 1, 5, 7, 10]],
    ['7.3', 1, [8, 12, 3, 11, 13, 0, 9, 2, 4, 6, 1, 5, 7, 10]],
    ['7.3', 2, [8, 12, 3, 11, 13, 2, 0, 9, 4, 6, 1, 5, 7, 10]],
  ])('in %s, sorted %s times', (release, rounds, expected) => {
    expect([...sorted(records, release, rounds).order]).toEqual(expected);
  });
});

describe('the count of targets', () => {
  test.each(['6.1', '6.12', '7.3'])(
    'takes each negative addend and each of 4 GiB for new, and a truncated one for 0, in %s',
    (release) => expect(countCalls(sorted(records, release))).toBe(6),
  );

  test('does not see symbol 0 with addend 0 when it comes first', () => {
    expect(
      countCalls(
        sorted(
          [
            [0, 10, 0n],
            [0, 10, 0n],
          ],
          '7.3',
        ),
      ),
    ).toBe(0);
    expect(
      countCalls(
        sorted(
          [
            [3, 10, 0n],
            [0, 10, 0n],
          ],
          '7.3',
        ),
      ),
    ).toBe(2);
  });

  test('skips what is not wanted without forgetting what came before', () => {
    expect(
      countCalls(
        sorted(
          [
            [4, 10, 16n],
            [4, 10, 16n],
            [4, 50, 16n],
          ],
          '7.3',
        ),
      ),
    ).toBe(1);
  });
});
