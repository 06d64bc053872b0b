import type { LoadInput } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { data, progbits, rela, text, toyInput, toyObject } from '../../loader/test/toy.ts';
import { KernelInference } from '../src/kernel-inference.ts';
import type { ReadMemory } from '../src/votes.ts';

const [jump, nop] = [0xea, 0x90];
const key = 0xf000n;

/** A module at an address, whose text begins with jump labels of one key of the kernel. */
function module(address: bigint, sites: number): LoadInput {
  const object = toyObject(
    [
      progbits('.text', text, new Uint8Array(32)),
      progbits('__jump_table', data, new Uint8Array(sites * 16), 8),
      rela(
        2,
        Array.from({ length: sites }, (_, entry) => [
          { offset: entry * 16, type: 2, symbol: 1, addend: BigInt(entry) },
          { offset: entry * 16 + 4, type: 2, symbol: 1, addend: 20n },
          { offset: entry * 16 + 8, type: 3, symbol: 2, addend: 0n },
        ]).flat(),
      ),
    ],
    [
      { name: '', section: 1, type: 3 },
      { name: 'key', section: 0, binding: 1 },
    ],
  );
  return toyInput(object, {
    addresses: {
      areas: new Map([
        ['text', address],
        ['data', address + 0x1000n],
        ['ro_after_init', address + 0x2000n],
      ]),
    },
    external: { address: (name) => (name === 'key' ? key : undefined), functionAt: () => undefined },
  });
}

/** Memory of modules at 0x10000, 0x20000 ...: the first bytes of their text. */
function memoryOf(...texts: readonly (readonly number[])[]): ReadMemory {
  return (address) => {
    const byte = texts[Number(address >> 16n) - 1]?.[Number(address & 0xffffn)];
    return byte === undefined ? undefined : Uint8Array.of(byte);
  };
}

describe('the modules of a kernel', () => {
  test('give one answer: the one site that says something else does not get its own', () => {
    const inference = new KernelInference(memoryOf([nop], [jump, jump], [jump]));
    const [first, second, third] = [
      inference.predict(module(0x10000n, 1)),
      inference.predict(module(0x20000n, 2)),
      inference.predict(module(0x30000n, 1)),
    ];
    // The first answer comes from the first module ...
    expect(second.load.loaded.image.read(0x20000n, 2)).toEqual(Uint8Array.of(nop, nop));
    inference.settle();
    // ... and is not the one of most.
    expect(first.load.loaded.image.read(0x10000n, 1)).toEqual(Uint8Array.of(jump));
    expect(second.load.loaded.image.read(0x20000n, 2)).toEqual(Uint8Array.of(jump, jump));
    expect(third.load.loaded.image.read(0x30000n, 1)).toEqual(Uint8Array.of(jump));
    expect(inference.takeInferences(first)).toEqual([
      { kind: 'jump-label', id: '0xf000', answer: 'enabled', agreeing: 3, disagreeing: 1 },
    ]);
    expect(inference.takeInferences(second)).toEqual([]);
  });

  test('a module that says nothing itself gets the answer of those that come later', () => {
    const inference = new KernelInference(memoryOf([0x55], [jump]));
    const first = inference.predict(module(0x10000n, 1));
    expect(first.load.loaded.image.read(0x10000n, 1)).toEqual(Uint8Array.of(nop));
    inference.predict(module(0x20000n, 1));
    inference.settle();
    expect(first.load.loaded.image.read(0x10000n, 1)).toEqual(Uint8Array.of(jump));
  });
});
