import { defineArchitecture, isPointer, type EntryLayout, type SpecialSection } from '@kelp/core';
import { parseObjectFile, type RelocationSpecification } from '@kelp/core/elf';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Inventory, type SectionUse } from '../src/inventory.ts';
import { code, data, modinfo, rela, toy, toyDefinition, toyModule } from './toy-architecture.ts';

const [inCode, external] = [1, 2];

const tables = toyDefinition.specialSections.flatMap((row) => row.layouts.map((layout) => ({ row, layout })));

/** A relocation at every pointer of every entry. */
function fill(
  { size, fields }: EntryLayout,
  count: number,
  symbol: number,
): readonly Partial<RelocationSpecification>[] {
  const offsets = Object.values(fields)
    .filter(isPointer)
    .map(({ offset }) => offset);
  return Array.from({ length: count }, (_, entry) =>
    offsets.map((offset) => ({ offset: entry * size + offset, symbol })),
  ).flat();
}

/** What is said about a table by an architecture that may or may not have its row. */
function judge(
  hidden: SpecialSection | undefined,
  name: string,
  layout: EntryLayout,
  count: number,
  symbol: number,
): SectionUse | undefined {
  const specialSections = toyDefinition.specialSections.filter((row) => row !== hidden);
  const module = toyModule(
    [data(name, layout.size * count), code(), rela(1, fill(layout, count, symbol)), modinfo('6.12.0 SMP')],
    {
      symbols: [
        { name: 'work', section: 2 },
        { name: 'printk', section: 0, binding: 1 },
      ],
    },
  );
  const architecture = defineArchitecture({ ...toyDefinition, specialSections });
  return new Inventory([architecture]).take(parseObjectFile(module)).sections[0];
}

describe.each(tables)('a table $row.name of $layout.size bytes an entry', ({ row, layout }) => {
  test('is found by its signals after its row is hidden, if it points into code', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (count) => {
        expect(judge(row, row.name, layout, count, inCode)).toMatchObject({
          special: true,
          known: false,
          entries: null,
        });
      }),
    );
  });

  test('is found by its stride alone from two entries on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), (count) => {
        expect(judge(row, row.name, layout, count, external)).toMatchObject({ special: true, known: false });
      }),
    );
  });

  test('is not found under the name of an ordinary section', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('.data.work', '.rodata', '.init.data'),
        (count, name) => {
          expect(judge(undefined, name, layout, count, inCode)).toMatchObject({
            special: false,
            known: false,
          });
        },
      ),
    );
  });
});

test('the executable section of the table is found after its row is hidden', () => {
  const row = toy.specialSection('.thunks');
  const specialSections = toyDefinition.specialSections.filter((one) => one !== row);
  const architecture = defineArchitecture({ ...toyDefinition, specialSections });
  const { sections } = new Inventory([architecture]).take(parseObjectFile(toyModule([code('.thunks')])));
  expect(sections[0]).toMatchObject({ name: '.thunks', special: true, known: false });
});
