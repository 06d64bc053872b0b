import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  extractValue,
  fieldMask,
  insertValue,
  readContainer,
  writeContainer,
  type ByteOrder,
  type Field,
  type FieldPart,
} from '../src/field.ts';

const byteOrder = fc.constantFrom<ByteOrder>('little', 'big');

/** Parts that neither overlap in the container nor in the value: both are cut at the same widths, in another order. */
function cut(size: Field['size'], widths: readonly number[], order: readonly number[]): readonly FieldPart[] {
  const parts: FieldPart[] = [];
  let from = 0;
  for (const width of widths) {
    if (from + width > size * 8) break;
    parts.push({ at: 0, width, from });
    from += width;
  }
  const placed = parts
    .map((part, index) => ({ part, rank: order[index] ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank);
  let at = 0;
  return placed.map(({ part }) => {
    const moved = { ...part, at };
    at += part.width;
    return moved;
  });
}

const field = fc
  .tuple(
    fc.constantFrom<Field['size']>(1, 2, 4, 8),
    fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
    fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
  )
  .map(([size, widths, order]): Field => ({ size, shift: 0, parts: cut(size, widths, order) }))
  .filter(({ parts }) => parts.length > 0);

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

function widthOf({ parts }: Field): number {
  return parts.reduce((sum, { width }) => sum + width, 0);
}

test('a value that fits is read back as it was stored', () => {
  fc.assert(
    fc.property(field, word, word, (one, container, value) => {
      const fitting = BigInt.asUintN(widthOf(one), value);
      expect(extractValue(one, insertValue(one, container, fitting))).toBe(fitting);
    }),
  );
});

test('storing changes no bit outside the field', () => {
  fc.assert(
    fc.property(field, word, word, (one, container, value) => {
      const changed = insertValue(one, container, value) ^ container;
      expect(changed & ~fieldMask(one)).toBe(0n);
    }),
  );
});

test('the mask has as many bits as the parts are wide', () => {
  fc.assert(
    fc.property(field, (one) => {
      expect(fieldMask(one).toString(2).replaceAll('0', '')).toHaveLength(widthOf(one));
    }),
  );
});

test('a container is read back as it was written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 4, 8),
      byteOrder,
      word,
      fc.integer({ min: 0, max: 3 }),
      (size, order, value, offset) => {
        const bytes = new Uint8Array(11);
        writeContainer(bytes, offset, size, order, value);
        expect(readContainer(bytes, offset, size, order)).toBe(BigInt.asUintN(size * 8, value));
      },
    ),
  );
});

test('the two byte orders are mirror images', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
      expect(readContainer(bytes, 0, 8, 'big')).toBe(readContainer(bytes.toReversed(), 0, 8, 'little'));
    }),
  );
});
