import type { Architecture, Linkage, ModuleImage } from '@kelp/core';
import { questionKey, type LoadInput } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { progbits, text, toyInput, toyObject } from '../../loader/test/toy.ts';
import { KernelInference, type Prediction } from '../src/kernel-inference.ts';

const question = { kind: 'feature', id: 'WIDE' } as const;

/** Asks for the feature that makes room before the text: at a place that tells, or at one that says nothing. */
function ask(image: ModuleImage, tells: boolean): void {
  image.ask({
    ...question,
    address: image.textAddress,
    decidesLayout: true,
    candidates: [{ answer: 'off', bytes: Uint8Array.of(0x0f) }],
    derive: ([byte]) => (tells ? (byte === 0x0f ? 'off' : 'on') : undefined),
  });
}

/** A module whose text begins with 1 has a place that tells. */
const linkage: Linkage = {
  letters: {},
  plan: (object, _kernel, machine) => {
    const wide = machine.feature(question.id);
    return {
      sections: new Map(),
      order: new Map(),
      textPrefix: wide === true ? 16 : 0,
      link: (image) => {
        if (wide === undefined) ask(image, object.section('.text')?.bytes[0] === 1);
        return { letters: () => ({ kind: 'letters', letters: {} }) };
      },
    };
  },
};

function module(firstByte: number, likely?: string): LoadInput {
  const input = toyInput(toyObject([progbits('.text', text, Uint8Array.of(firstByte, 0, 0, 0))]));
  const architecture: Architecture = { ...input.architecture, linkage };
  return {
    ...input,
    architecture,
    ...(likely === undefined ? {} : { likely: new Map([[questionKey(question), likely]]) }),
  };
}

/** Bytes that the prediction keeps free before the text. */
function prefixOf({ load }: Prediction): number {
  const { image } = load.loaded;
  return Number((image.section('.text')?.address ?? 0n) - image.textAddress);
}

function memory(byte: number): (address: bigint, length: number) => Uint8Array {
  return (_address, length) => new Uint8Array(length).fill(byte);
}

describe('a feature that decides the layout', () => {
  test.each([
    ['on', 0xf0, 16],
    ['off', 0x0f, 0],
  ])('is %s for a module that cannot tell because it is for another', (_state, byte, prefix) => {
    const inference = new KernelInference(memory(byte));
    const silent = inference.predict(module(0));
    const telling = inference.predict(module(1));
    inference.settle();
    expect([prefixOf(silent), prefixOf(telling)]).toEqual([prefix, prefix]);
  });

  test('is as the machine says where no module can tell', () => {
    const inference = new KernelInference(memory(0));
    const silent = inference.predict(module(0, 'on'));
    inference.settle();
    expect(prefixOf(silent)).toBe(16);
    expect(inference.takeInferences(silent)).toEqual([]);
  });

  test('is as memory says where the machine says something else', () => {
    const inference = new KernelInference(memory(0x0f));
    const [silent, telling] = [inference.predict(module(0, 'on')), inference.predict(module(1, 'on'))];
    inference.settle();
    expect([prefixOf(silent), prefixOf(telling)]).toEqual([0, 0]);
  });
});
