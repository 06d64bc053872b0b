import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShapeAccumulator } from '../src/shape-accumulator.ts';
import type { SectionShape } from '../src/section-shape.ts';
import { detectTable, type DetectedTable } from '../src/table-detector.ts';

const [code, readOnly, writable, external] = [0, 1, 2, 3];

/** A section with pointers at these places of each entry. */
function shape(
  entries: number,
  entrySize: number,
  fields: readonly (readonly [offset: number, kind: number])[],
  more: Partial<SectionShape> = {},
): SectionShape {
  const pointers = Array.from({ length: entries }, (_none, entry) =>
    fields.map(([offset, kind]) => [entry * entrySize + offset, kind] as const),
  ).flat();
  return {
    section: '__table',
    size: entries * entrySize,
    type: 1,
    flags: '0x2',
    entrySize: 0,
    offsets: Float64Array.from(pointers, ([offset]) => offset),
    kinds: Uint8Array.from(pointers, ([, kind]) => kind),
    targets: pointers.map(([, kind]) =>
      kind === code
        ? { section: '.text', kind: 'code', count: 1 }
        : { section: '.data', kind: 'writable', count: 1 },
    ),
    layout: undefined,
    ...more,
  };
}

function detect(...shapes: readonly SectionShape[]): DetectedTable | undefined {
  const sums = new ShapeAccumulator();
  for (const one of shapes) sums.add(one);
  const [count] = sums.counts();
  return count === undefined ? undefined : detectTable(count);
}

describe('a table of the kernel', () => {
  test('is found with stride and fields from modules of which none has enough entries alone', () => {
    const fields = [
      [0, code],
      [4, code],
      [8, writable],
    ] as const;
    expect(detect(shape(1, 16, fields), shape(2, 16, fields), shape(3, 16, fields))).toEqual({
      section: '__table',
      signals: ['points into code', 'regular stride'],
      stride: 16,
      fields: [
        { offset: 0, filled: 1, code: 1 },
        { offset: 4, filled: 1, code: 1 },
        { offset: 8, filled: 1, code: 0 },
      ],
      targets: ['.text', '.data'],
    });
  });

  test('with a field for code beside one for data is not halved', () => {
    const fields = [
      [0, code],
      [4, external],
    ] as const;
    expect(detect(shape(3, 8, fields), shape(1, 8, fields))?.stride).toBe(8);
  });

  test('with a pointer that few entries lack is regular all the same', () => {
    const full = [
      [0, code],
      [8, readOnly],
    ] as const;
    expect(detect(shape(30, 24, full), shape(1, 24, [[0, code]]))).toMatchObject({
      stride: 24,
      fields: [{ offset: 0 }, { offset: 8, filled: 30 / 31 }],
    });
  });

  test('of an odd entry size is found', () => {
    const fields = [
      [0, code],
      [4, readOnly],
    ] as const;
    expect(detect(shape(7, 13, fields), shape(5, 13, fields))?.stride).toBe(13);
  });

  test('that declares its entries has that size where the pointers agree', () => {
    const one = shape(
      4,
      12,
      [
        [0, code],
        [4, code],
        [8, code],
      ],
      { entrySize: 12 },
    );
    expect(detect(one, { ...one, section: '__table' })).toMatchObject({ stride: 12 });
  });

  test('with a field that leads to code or data beside fields that never lead to code is not divided', () => {
    const exported = (kind: number): SectionShape =>
      shape(3, 12, [
        [0, kind],
        [4, readOnly],
        [8, readOnly],
      ]);
    expect(detect(exported(code), exported(writable), exported(code), shape(1, 12, []))?.stride).toBe(12);
  });

  test('of two fields that look alike has half the size: nothing tells them apart', () => {
    expect(
      detect(
        shape(4, 8, [
          [0, code],
          [4, code],
        ]),
      )?.stride,
    ).toBe(4);
  });
});

describe('no table', () => {
  test.each(['.text', '.data.rel.ro', '.rodata', '.init.data'])('is a section named %s', (section) => {
    expect(detect(shape(4, 8, [[0, code]], { section }))).toBeUndefined();
  });

  test('is a section without relocations, flags or entries', () => {
    expect(detect(shape(4, 8, []))).toBeUndefined();
  });

  test('has a stride where pointers lie anywhere', () => {
    const offsets = Float64Array.from([0, 12, 20, 44]);
    const scattered = { ...shape(0, 8, []), size: 96, offsets, kinds: new Uint8Array(4).fill(readOnly) };
    expect(detect(scattered)).toBeUndefined();
  });
});

test('executable code under an uncommon name is a sign', () => {
  expect(detect(shape(1, 64, [], { flags: '0x6' }))?.signals).toEqual(['executable']);
});

test('the entry size of any table with a code field and a data field is found, however the entries are spread', () => {
  const tables = fc.record({
    size: fc.integer({ min: 3, max: 12 }).map((units) => units * 4),
    entries: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 8 }),
  });
  fc.assert(
    fc.property(tables, ({ size, entries }) => {
      const found = detect(
        ...entries.map((count) =>
          shape(count, size, [
            [0, code],
            [4, writable],
          ]),
        ),
      );
      expect(found?.stride).toBe(size);
    }),
  );
});
