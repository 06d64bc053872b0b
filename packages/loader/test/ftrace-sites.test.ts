import { defineArchitecture, type Question, type ReadBytes, type TracedSite } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { loadModule } from '../src/index.ts';
import { data, progbits, rela, text, toy, toyInput, toyObject } from './toy.ts';

/** Two functions are traced by two bytes: an opcode and the number of the tracer. */
const untraced = Uint8Array.of(0xf7, 0);
const call = (tracer: number): Uint8Array => Uint8Array.of(0xca, tracer);
const sound: ReadBytes = () => Uint8Array.of(1);

const site = (address: bigint): TracedSite => ({
  address,
  untraced,
  calls: () => [
    {
      tracer: 'caller',
      bytes: call(1),
      others: () => [
        { address: address + 2n, bytes: Uint8Array.of(0x0b) },
        { address: address + 3n, bytes: Uint8Array.of(0x0c), cause: 'kernel-chosen' },
      ],
    },
    { tracer: 'trampoline', bytes: call(0x22), isSound: (read) => read(0n, 1)?.[0] === 1 },
  ],
  unlisted: (bytes) => (bytes[1] === 9 ? { tracer: 'unlisted', bytes: call(9) } : undefined),
  callOf: (tracer) => (tracer === 'unlisted' ? { tracer, bytes: call(9) } : undefined),
});

const traceable = defineArchitecture({
  ...toy,
  ftraceSite: {
    encode: (_image, entry) => [{ address: entry, bytes: untraced }],
    traced: (_image, entry, position) => (position < 2 ? site(entry) : undefined),
  },
});

const object = toyObject(
  [
    progbits('.text', text, new Uint8Array(16)),
    progbits('__mcount_loc', data, new Uint8Array(24), 8),
    rela(
      2,
      [4n, 8n, 12n].map((addend, entry) => ({ offset: entry * 8, type: 1, symbol: 1, addend })),
    ),
  ],
  [{ name: '', section: 1, type: 3 }],
);

function load(answers: Readonly<Record<string, string>> = {}): ReturnType<typeof loadModule> {
  const given = new Map(Object.entries(answers).map(([id, answer]) => [`ftrace ${id}`, answer]));
  return loadModule(toyInput(object, { architecture: traceable, answers: given }));
}

function askedAt(entry: bigint): Question {
  const question = load().open.find(({ id }) => id === `0x${entry.toString(16)}`);
  if (question === undefined) throw new Error('not asked');
  return question;
}

describe('functions that may be traced', () => {
  test('are each asked, and taken not to be', () => {
    const { image, open } = load();
    expect(open.map(({ kind, id, address }) => [kind, id, address])).toEqual([
      ['ftrace', '0x10004', 0x10004n],
      ['ftrace', '0x10008', 0x10008n],
    ]);
    expect(image.read(0x10004n, 4)).toEqual(Uint8Array.of(0xf7, 0, 0, 0));
  });

  test('call their tracer, each its own', () => {
    const { image } = load({ '0x10004': 'caller', '0x10008': 'unlisted' });
    expect(image.read(0x10004n, 4)).toEqual(Uint8Array.of(0xca, 1, 0x0b, 0x0c));
    expect(image.read(0x10008n, 4)).toEqual(Uint8Array.of(0xca, 9, 0, 0));
    const causes = [...image.log.writes()].map(({ cause }) => cause);
    expect(causes.filter((cause) => cause === 'ftrace-enabled')).toHaveLength(3);
    expect(causes.filter((cause) => cause === 'kernel-chosen')).toHaveLength(1);
  });

  test.each([
    ['as untraced', [0xf7, 0], undefined],
    ['a tracer', [0xca, 1], 'caller'],
    ['a tracer that is not listed', [0xca, 9], 'unlisted'],
    ['a call but for one byte, which is then named alone', [0xcb, 0x22], 'trampoline'],
    ['untraced but for one byte', [0xf7, 1], undefined],
    ['a call that is like two but for one byte', [0xca, 0x23], undefined],
    ['something else', [0x55, 0x55], undefined],
  ])('what bytes say: %s', (_title, bytes, tracer) => {
    expect(askedAt(0x10004n).derive?.(Uint8Array.from(bytes), sound)).toBe(tracer);
  });

  test('a call that leads to what the kernel does not make is not explained', () => {
    const { derive } = askedAt(0x10004n);
    expect(derive?.(call(0x22), sound)).toBe('trampoline');
    expect(derive?.(call(0x22), () => Uint8Array.of(2))).toBeUndefined();
  });
});
