import { loadModule, type LoadedModule } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { data, progbits, rela, text, toyInput, toyObject } from '../../loader/test/toy.ts';
import { compareModule } from '../src/comparison.ts';
import type { ReadMemory } from '../src/inference.ts';

const object = toyObject(
  [
    progbits(
      '.text',
      text,
      Uint8Array.from({ length: 64 }, (_, index) => index),
    ),
    progbits('.data', data, new Uint8Array(16), 8),
    rela(1, [{ offset: 8, type: 1, symbol: 1, addend: 0x0102030405060708n }]),
  ],
  [{ name: '', section: 2, type: 3 }],
);

/** Memory that holds exactly what a load predicts, changed by a function. */
function memoryOf(
  loaded: LoadedModule,
  change: (address: bigint, bytes: Uint8Array) => void = () => undefined,
): ReadMemory {
  return (address, length) => {
    const bytes = loaded.image.read(address, length);
    if (bytes !== undefined) change(address, bytes);
    return bytes;
  };
}

describe('compareModule', () => {
  const loaded = loadModule(toyInput(object));

  // The first byte of the relocated field is 8 in the file and after relocation: it is equal, not explained.
  test('counts bytes as equal, explained by the last cause, or unexplained', () => {
    const { sections, skipped } = compareModule(loaded, memoryOf(loaded));
    expect(sections).toHaveLength(1);
    expect(sections[0]).toMatchObject({
      name: '.text',
      bytes: 64,
      equal: 56,
      explained: [
        { cause: 'seal', bytes: 1, sites: 1 },
        { cause: 'relocation', bytes: 7, sites: 1 },
      ],
      unexplained: [],
    });
    expect(skipped).toEqual([{ name: '.data', reason: 'holds data that changes while the kernel runs' }]);
  });

  test.each(Array.from({ length: 64 }, (_, index) => index))(
    'a flip of byte %i is named, and nothing else',
    (at) => {
      const flipped = memoryOf(loaded, (_address, bytes) => {
        bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      });
      const [section] = compareModule(loaded, flipped).sections;
      expect(section?.unexplained.map(({ offset, length }) => [offset, length])).toEqual([[at, 1]]);
      const [difference] = section?.unexplained ?? [];
      expect((difference?.expected[0] ?? 0) ^ (difference?.actual[0] ?? 0)).toBe(0x40);
    },
  );

  test('memory that is not there is reported, not taken for equal', () => {
    const { sections, skipped } = compareModule(loaded, () => undefined);
    expect(sections).toEqual([]);
    expect(skipped).toContainEqual({ name: '.text', reason: 'not in the memory that was given' });
  });
});
