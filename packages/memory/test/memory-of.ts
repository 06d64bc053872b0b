import { loadModule, type LoadedModule, type LoadInput } from '@kelp/loader';
import { data, progbits, rela, text, toyInput, toyObject } from '../../loader/test/toy.ts';
import type { ReadMemory } from '../src/inference.ts';

/** Two functions in .text, 16 and 8 bytes long, and a pointer to .data in the first. */
const object = toyObject(
  [
    progbits(
      '.text',
      text,
      Uint8Array.from({ length: 48 }, (_, index) => index),
    ),
    progbits('.data', data, new Uint8Array(16), 8),
    progbits('.init.text', text, Uint8Array.of(1, 2, 3, 4)),
    rela(1, [{ offset: 8, type: 1, symbol: 1, addend: 0x0102030405060708n }]),
  ],
  [
    { name: '', section: 2, type: 3 },
    { name: 'first', section: 1, type: 2, value: 0n, size: 16n },
    { name: 'second', section: 1, type: 2, value: 20n, size: 8n },
    { name: 'init_module', section: 3, type: 2, value: 0n, size: 4n },
  ],
);

export function loadToy(more: Partial<LoadInput> = {}): LoadedModule {
  return loadModule(toyInput(object, more));
}

/** Memory that holds what a load predicts, with one byte flipped. */
export function memoryWith({ image }: LoadedModule, flipped?: bigint): ReadMemory {
  return (address, length) => {
    const bytes = image.read(address, length);
    const offset = Number((flipped ?? address - 1n) - address);
    if (bytes !== undefined && offset >= 0 && offset < length) bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
    return bytes;
  };
}
