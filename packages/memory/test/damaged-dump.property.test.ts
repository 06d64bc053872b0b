import { isKelpError } from '@kelp/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openVmcore } from '../src/vmcore.ts';
import { flattened, kdumpFile } from './kdump-file.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { ToyKernel, toyMachines, type ToyOptions } from './toy-kernel.ts';

const folder = new TemporaryFolder();

const options: ToyOptions = {
  kallsyms: 'from base',
  dataSymbols: true,
  btf: true,
  areas: 'memory',
  address: 'behind',
};

const kernel = new ToyKernel(toyMachines['x86, 4 levels'], options);
const bare = new ToyKernel(toyMachines.s390x, { ...options, dataSymbols: false, btf: false });
const { bytes } = kernel.memory;
const compressed = kdumpFile({
  frames: 2048,
  vmcoreInfo: Buffer.from(kernel.information).toString(),
  pages: Array.from({ length: 2048 }, (_, frame) => ({
    frame,
    bytes: bytes.subarray(frame * 4096, (frame + 1) * 4096),
  })).filter(({ bytes: page }) => page.some((byte) => byte !== 0)),
});
const pieces = [
  { place: 0, bytes: compressed.subarray(0, 8192) },
  { place: 8192, bytes: compressed.subarray(8192) },
];

/** Where a file holds anything: damage elsewhere changes nothing. */
function contents(file: Uint8Array): number[] {
  const places: number[] = [];
  for (const [place, byte] of file.entries()) if (byte !== 0) places.push(place);
  return places;
}

/** What an attempt to open a file comes to: `opened`, the code of a KelpError, or any other error. */
function outcome(file: Uint8Array): string {
  try {
    openVmcore(folder.write('vmcore', file)).close();
    return 'opened';
  } catch (error) {
    if (isKelpError(error)) return error.code;
    throw error;
  }
}

describe.each([
  ['an ELF dump', kernel.dump()],
  ['an ELF dump of a kernel without symbols of data', bare.dump()],
  ['a kdump-compressed dump', compressed],
  ['a flattened dump', flattened(pieces)],
])('%s', (_, file) => {
  const places = contents(file);

  test('opens as it is', () => {
    expect(outcome(file)).toBe('opened');
  });

  test('with bytes changed opens or is refused with a code', { timeout: 60_000 }, () => {
    const change = fc.record({ at: fc.constantFrom(...places), to: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
        const damaged = Uint8Array.from(file);
        for (const { at, to } of changes) damaged[at] = to;
        expect(outcome(damaged)).toMatch(/^opened$|^memory\//u);
      }),
      { numRuns: 30 },
    );
  });

  test('with its headers changed opens or is refused with a code', { timeout: 60_000 }, () => {
    const change = fc.record({
      at: fc.integer({ min: 0, max: 640 }),
      to: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Uint8Array.from(file);
        for (const { at, to } of changes) damaged[at] = to;
        expect(outcome(damaged)).toMatch(/^opened$|^memory\//u);
      }),
      { numRuns: 40 },
    );
  });

  test('cut anywhere opens or is refused with a code', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: file.length - 1 }), (length) => {
        expect(outcome(file.subarray(0, length))).toMatch(/^opened$|^memory\//u);
      }),
      { numRuns: 15 },
    );
  });
});
