import { parseKernel } from '@kelp/core';
import { parseObjectFile, SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { LoadedImage, loadModule, type LoadedModule } from '@kelp/loader';
import type { ComparedSection } from '@kelp/memory';
import { x86 } from '@kelp/x86';
import { describe, expect, it } from 'vitest';
import { ownedSections, stepsOf } from '../src/step-writes.ts';

const address = 0xffff_ffff_c000_0000n;

function load(): LoadedModule {
  const bytes = writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      {
        name: '.text',
        type: SHT_PROGBITS,
        flags: SHF_ALLOC | SHF_EXECINSTR,
        bytes: Uint8Array.of(1, 2, 3, 4, 5, 6),
      },
    ],
    symbols: [],
  });
  return loadModule({
    object: parseObjectFile(bytes),
    architecture: x86,
    kernel: parseKernel('6.12'),
    machine: { pageSize: 4096, smp: true, feature: () => undefined, value: () => undefined },
    addresses: { areas: new Map([['text', address]]) },
    external: { address: () => undefined, functionAt: () => undefined },
  });
}

const text: ComparedSection = {
  name: '.text',
  executable: true,
  address,
  bytes: 6,
  equal: 6,
  explained: [],
  unexplained: [],
};

describe('ownedSections', () => {
  it('follows the last writer of each byte back to what it found', () => {
    const loaded = load();
    const { image } = loaded;
    expect(image).toBeInstanceOf(LoadedImage);
    const write = (offset: number, ...bytes: readonly number[]): void => {
      image.write(address + BigInt(offset), Uint8Array.from(bytes), 'test');
    };
    write(0, 9, 9); // step 1
    write(1, 8, 8); // step 2, over the second byte of step 1
    write(3, 7); // step 1
    write(3, 4); // step 1 again, back to the file's byte
    write(4, 6); // step 1
    write(4, 6); // step 2 writes the same again
    const [section] = ownedSections(loaded, [text], Uint8Array.of(1, 2, 1, 1, 1, 2));
    expect([...(section?.steps ?? [])]).toEqual([2, 3, 3, 2, 3, 0]);
    expect([...(section?.matters ?? [])]).toEqual([1, 1, 1, 0, 0, 0]);
  });
});

describe('stepsOf', () => {
  it('knows which steps are simulated', () => {
    const steps = stepsOf(x86, parseKernel('6.12'));
    const named = (name: string): boolean | undefined =>
      steps.find(({ step }) => step.name === name)?.simulated;
    expect([named('jump-labels'), named('alternatives'), named('bug-table')]).toEqual([true, true, false]);
  });
});
