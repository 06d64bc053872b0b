import { describe, expect, test } from 'vitest';
import { hex, layered, memorySource, type MemorySource } from '../src/memory-source.ts';
import { refusal, refused } from './refusal.ts';

/** Pages of 16 bytes: `A` at 0x100, nothing at 0x110, `B` at 0x120, an excluded page at 0x130, `C` at 0x140. */
function pages(contents: ReadonlyMap<bigint, number>): MemorySource {
  return memorySource((address, length) => {
    const page = address - (address % 16n);
    const rest = Math.min(Number(page + 16n - address), length);
    const value = contents.get(page);
    if (value !== undefined) return new Uint8Array(rest).fill(value);
    return { length: rest, absent: page === 0x130n ? 'excluded' : 'not-mapped' };
  });
}

const source = pages(
  new Map([
    [0x100n, 0xa],
    [0x120n, 0xb],
    [0x140n, 0xc],
  ]),
);

describe('read', () => {
  test('joins what lies in several pieces', () => {
    const neighbors = pages(
      new Map([
        [0x100n, 0xa],
        [0x110n, 0xb],
      ]),
    );
    expect(neighbors.read(0x10en, 4)).toEqual(Uint8Array.of(0xa, 0xa, 0xb, 0xb));
  });

  test.each([
    ['at the start', 0x118n, 16],
    ['at the end', 0x108n, 16],
    ['in between', 0x100n, 48],
  ])('gives nothing when a byte is absent %s', (_, address, length) => {
    expect(source.read(address, length)).toBeUndefined();
  });

  test('gives no bytes where none are asked for', () => {
    expect(source.read(0x110n, 0)).toEqual(new Uint8Array(0));
  });
});

describe('pieces', () => {
  test('cover the range in order, with a reason for each gap', () => {
    const pieces = source.pieces(0x108n, 0x48);
    expect(
      pieces.map((piece) => ['absent' in piece ? piece.absent : piece.bytes[0], piece.address, piece.length]),
    ).toEqual([
      [0xa, 0x108n, 8],
      ['not-mapped', 0x110n, 16],
      [0xb, 0x120n, 16],
      ['excluded', 0x130n, 16],
      [0xc, 0x140n, 16],
    ]);
  });

  test('join gaps of one reason', () => {
    expect(source.pieces(0x200n, 100)).toEqual([{ address: 0x200n, length: 100, absent: 'not-mapped' }]);
  });
});

describe('a range that no memory can have', () => {
  test.each([
    ['a negative address', -1n, 1],
    ['a length that is no number of bytes', 0n, 1.5],
    ['a negative length', 0n, -1],
    ['more than 1 GiB', 0n, 2 ** 30 + 1],
    ['an end beyond 64 bits', 2n ** 64n - 1n, 2],
  ])('is refused: %s', (_, address, length) => {
    expect(refusal(() => source.read(address, length))).toEqual(refused('memory/range'));
    expect(refusal(() => source.pieces(address, length))).toEqual(refused('memory/range'));
  });

  test('the last byte can be asked for', () => {
    expect(source.pieces(2n ** 64n - 1n, 1)).toEqual([
      { address: 2n ** 64n - 1n, length: 1, absent: 'not-mapped' },
    ]);
  });
});

describe('layered', () => {
  const behind = pages(
    new Map([
      [0x100n, 0x1],
      [0x110n, 0x2],
      [0x130n, 0x3],
    ]),
  );
  const both = layered(source, behind);

  test('the first source wins', () => {
    expect(both.read(0x100n, 16)).toEqual(new Uint8Array(16).fill(0xa));
  });

  test('the second fills the gaps of the first', () => {
    expect(both.read(0x100n, 0x50)?.filter((_, index) => index % 16 === 0)).toEqual(
      Uint8Array.of(0xa, 0x2, 0xb, 0x3, 0xc),
    );
  });

  test('what neither has keeps the reason of the first', () => {
    expect(layered(source, pages(new Map())).pieces(0x130n, 16)).toEqual([
      { address: 0x130n, length: 16, absent: 'excluded' },
    ]);
  });
});

test('numbers are shown in hexadecimal', () => {
  expect([hex(0xffff_ffff_c045_e000n), hex(16), hex(-16n)]).toEqual(['0xffffffffc045e000', '0x10', '-0x10']);
});
