import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import { writeObjectFile } from '../../src/elf/writer.ts';
import { specification, specificationOf } from './arbitrary-object.ts';

test('reading what was written gives the specification again', () => {
  fc.assert(
    fc.property(specification, (one) => {
      expect(specificationOf(parseObjectFile(writeObjectFile(one)))).toEqual(one);
    }),
  );
});

test('a file says the same in both byte orders', () => {
  fc.assert(
    fc.property(specification, (one) => {
      const [little, big] = (['little', 'big'] as const).map((byteOrder) =>
        specificationOf(parseObjectFile(writeObjectFile({ ...one, byteOrder }))),
      );
      expect({ ...little, byteOrder: 'big' }).toEqual(big);
    }),
  );
});
