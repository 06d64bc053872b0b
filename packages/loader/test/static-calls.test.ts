import { defineArchitecture, pcRelative32, type Architecture } from '@kelp/core';
import { expect, test } from 'vitest';
import { loadModule, type LoadInput } from '../src/index.ts';
import { data, progbits, rela, text, toy, toyInput, toyObject } from './toy.ts';

/** A call is the low byte of its target. */
const calling: Architecture = defineArchitecture({
  ...toy,
  specialSections: [
    ...toy.specialSections,
    {
      name: '.static_call_sites',
      layouts: [
        {
          size: 8,
          fields: { addr: pcRelative32(0), key: pcRelative32(4, { flags: 3 }) },
          structure: 'toy',
        },
      ],
      phase: 'coming',
      effect: 'Nothing.',
      hazard: { level: 'none', reason: 'A toy.' },
    },
  ],
  staticCall: {
    encode: (_image, _site, target) => Uint8Array.of(Number(target & 0xffn)),
    decode: () => undefined,
  },
});

/** A site at .text+4 whose key is the symbol `key` of the kernel. */
const object = toyObject(
  [
    progbits('.text', text, new Uint8Array(32)),
    progbits('.static_call_sites', data, new Uint8Array(8), 4),
    rela(2, [
      { offset: 0, type: 2, symbol: 1, addend: 4n },
      { offset: 4, type: 2, symbol: 2, addend: 0n },
    ]),
  ],
  [
    { name: '', section: 1, type: 3 },
    { name: 'key', section: 0, binding: 1 },
  ],
);

function siteByte(keyName: string, more: Partial<LoadInput> = {}): number | undefined {
  const symbols = new Map([
    ['key', 0x60000n],
    ['__traceiter_some_event', 0x61042n],
  ]);
  const loaded = loadModule({
    ...toyInput(object, more),
    architecture: calling,
    external: {
      address: (name) => symbols.get(name),
      functionAt: (address) => (address === 0x60000n ? keyName : undefined),
    },
  });
  return loaded.image.read(0x10004n, 1)?.[0];
}

test('a tracepoint of another module calls what goes through its probes', () => {
  expect(siteByte('__SCK__tp_func_some_event')).toBe(0x42);
});

test('nothing is known about the keys of others, and of tracepoints without the function', () => {
  expect(siteByte('__SCK__some_call')).toBe(0);
  expect(siteByte('__SCK__tp_func_other_event')).toBe(0);
});

test('a likely answer counts more, and a given one most', () => {
  const key = 'static-call 0x60000';
  const likely = new Map([[key, '0x62043']]);
  expect(siteByte('__SCK__tp_func_some_event', { likely })).toBe(0x43);
  expect(siteByte('__SCK__tp_func_some_event', { likely, answers: new Map([[key, '0x62044']]) })).toBe(0x44);
});
