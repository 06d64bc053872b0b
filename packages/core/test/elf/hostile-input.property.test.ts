import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKelpError } from '../../src/errors.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import { bigEndianObject, littleEndianObject } from './assembled-objects.ts';
import { readEverything } from './read-everything.ts';

/** What reading everything in the bytes throws, unless it is a KelpError of the file. */
function surprise(bytes: Uint8Array): unknown {
  try {
    readEverything(parseObjectFile(bytes, 'hostile.ko'));
    return undefined;
  } catch (error) {
    return isKelpError(error) && error.file === 'hostile.ko' ? undefined : error;
  }
}

const sound = fc.constantFrom(littleEndianObject(), bigEndianObject());
const flips = fc.array(fc.tuple(fc.nat(1183), fc.nat(0xff)), { minLength: 1, maxLength: 12 });

test('bytes changed anywhere in a sound object raise only a KelpError', () => {
  fc.assert(
    fc.property(sound, flips, (whole, changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      expect(surprise(bytes)).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test('bytes changed in header and section table raise only a KelpError', () => {
  fc.assert(
    fc.property(sound, flips, (whole, changes) => {
      const bytes = whole.slice();
      const table = bytes.length - 11 * 64;
      for (const [at, value] of changes) bytes[at % 2 === 0 ? table + (at % 704) : at % 64] = value;
      expect(surprise(bytes)).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test('any bytes behind a sound start raise only a KelpError', () => {
  fc.assert(
    fc.property(sound, fc.nat(200), fc.uint8Array({ maxLength: 2000 }), (whole, length, rest) => {
      expect(surprise(Buffer.concat([whole.subarray(0, length), rest]))).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
