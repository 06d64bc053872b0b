import { describe, expect, test } from 'vitest';
import { data, progbits, rela, text, toyInput, toyObject } from '../../loader/test/toy.ts';
import { loadWithMemory, type ReadMemory } from '../src/inference.ts';

/** Three jump labels of one key at .data+8; their sites are .text+4, +5 and +6. */
const object = toyObject(
  [
    progbits('.text', text, new Uint8Array(32)),
    progbits('.data', data, new Uint8Array(16), 8),
    progbits('__jump_table', data, new Uint8Array(48), 8),
    rela(
      3,
      [0, 1, 2].flatMap((entry) => [
        { offset: entry * 16, type: 2, symbol: 1, addend: 4n + BigInt(entry) },
        { offset: entry * 16 + 4, type: 2, symbol: 1, addend: 20n },
        { offset: entry * 16 + 8, type: 3, symbol: 2, addend: 8n },
      ]),
    ),
  ],
  [
    { name: '', section: 1, type: 3 },
    { name: '', section: 2, type: 3 },
  ],
);

const [jump, nop] = [0xea, 0x90];

function memoryWith(sites: readonly [number, number, number]): ReadMemory {
  return (address, length) =>
    length === 1 ? Uint8Array.of(sites[Number(address - 0x10004n)] ?? 0) : undefined;
}

describe('loadWithMemory', () => {
  test('one answer for all sites of a key', () => {
    const answers = new Map<string, string>();
    const { loaded, inferences } = loadWithMemory(toyInput(object), memoryWith([jump, jump, jump]), answers);
    expect(loaded.image.read(0x10004n, 3)).toEqual(Uint8Array.of(jump, jump, jump));
    expect(inferences).toEqual([
      { kind: 'jump-label', id: '0x20008', answer: 'enabled', agreeing: 3, disagreeing: 0 },
    ]);
    expect([...answers]).toEqual([['jump-label 0x20008', 'enabled']]);
  });

  test('a site that disagrees does not get its own answer', () => {
    const { loaded, inferences } = loadWithMemory(toyInput(object), memoryWith([jump, nop, jump]), new Map());
    expect(loaded.image.read(0x10004n, 3)).toEqual(Uint8Array.of(jump, jump, jump));
    expect(inferences[0]).toMatchObject({ answer: 'enabled', agreeing: 2, disagreeing: 1 });
  });

  test('bytes that no state has say nothing', () => {
    const { loaded, inferences } = loadWithMemory(toyInput(object), memoryWith([0, 0, 0]), new Map());
    expect(inferences).toEqual([]);
    expect(loaded.open).toHaveLength(3);
  });

  test('places in memory that is freed after init are not heard', () => {
    const initObject = toyObject(
      [
        progbits('.text', text, new Uint8Array(32)),
        progbits('.data', data, new Uint8Array(16), 8),
        progbits('__jump_table', data, new Uint8Array(48), 8),
        progbits('.init.text', text, new Uint8Array(32)),
        rela(
          3,
          [1, 4, 4].flatMap((section, entry) => [
            { offset: entry * 16, type: 2, symbol: section === 1 ? 1 : 3, addend: 4n + BigInt(entry) },
            { offset: entry * 16 + 4, type: 2, symbol: 1, addend: 20n },
            { offset: entry * 16 + 8, type: 3, symbol: 2, addend: 8n },
          ]),
        ),
      ],
      [1, 2, 4].map((section) => ({ name: '', section, type: 3 })),
    );
    // What stands in init text now says the contrary, twice.
    const stale: ReadMemory = (address) => Uint8Array.of(address < 0x50000n ? nop : jump);
    const { inferences } = loadWithMemory(toyInput(initObject), stale, new Map());
    expect(inferences).toEqual([
      { kind: 'jump-label', id: '0x20008', answer: 'disabled', agreeing: 1, disagreeing: 0 },
    ]);
  });

  test('what is given is not asked', () => {
    const answers = new Map([['jump-label 0x20008', 'disabled']]);
    const { loaded, inferences } = loadWithMemory(
      toyInput(object, { answers }),
      memoryWith([jump, jump, jump]),
      new Map(),
    );
    expect(loaded.image.read(0x10004n, 3)).toEqual(Uint8Array.of(nop, nop, nop));
    expect(inferences).toEqual([]);
  });
});
