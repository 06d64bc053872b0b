import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isKelpError } from '../../src/errors.ts';
import { ET_REL, SHN_LIVEPATCH, SHT_RELA } from '../../src/elf/constants.ts';
import { parseObjectFile, type ObjectFile } from '../../src/elf/object-file.ts';
import { rewriteObjectFile } from '../../src/elf/rewriter.ts';
import { writeObjectFile, type ObjectSpecification } from '../../src/elf/writer.ts';
import { relocation, section, specification, specificationOf } from './arbitrary-object.ts';
import { bigEndianObject, littleEndianObject } from './assembled-objects.ts';

/** A relocatable file whose sections refer to sections that are there. */
const linked = specification.map((one): ObjectSpecification => {
  const last = one.sections.length;
  const inside = (index: number | undefined): number => (index ?? 0) % (last + 1);
  return {
    ...one,
    type: ET_REL,
    sections: one.sections.map((each) => ({ ...each, link: inside(each.link), info: inside(each.info) })),
    symbols: one.symbols.map((each) =>
      each.reserved
        ? each
        : { ...each, section: each.section === 0 || last === 0 ? 0 : 1 + (each.section % last) },
    ),
  };
});

test('records, symbols and sections are changed as asked, and nothing else', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(linked, fc.array(relocation), fc.array(section), fc.nat(), (one, records, added, pick) => {
      const bytes = writeObjectFile(one);
      const relocated = one.sections.findIndex(({ type }) => type === SHT_RELA);
      const symbol = one.symbols?.length === 0 ? undefined : pick % (one.symbols?.length ?? 1);
      const result = rewriteObjectFile(bytes, {
        relocations: new Map(relocated === -1 ? [] : [[relocated + 1, records]]),
        symbols: new Map(
          symbol === undefined ? [] : [[symbol + 1, { name: 'new', reserved: SHN_LIVEPATCH }]],
        ),
        // What a new section refers to, it refers to by the indices of the old file.
        added: added.map((each) => ({ ...each, link: 0, info: 0 })),
      });
      const read = parseObjectFile(result);
      const firstAdded = parseObjectFile(bytes).sections.length;
      expect(specificationOf(read)).toEqual({
        ...one,
        sections: one.sections.map((each, index) =>
          index === relocated ? { ...each, relocations: records } : each,
        ),
        symbols: one.symbols?.map((each, index) =>
          index === symbol ? { ...each, name: 'new', section: SHN_LIVEPATCH, reserved: true } : each,
        ),
      });
      expect(read.sections.slice(firstAdded).map(({ name, type }) => [name, type])).toEqual(
        added.map(({ name, type }) => [name, type]),
      );
    }),
  );
});

/** What stands in a file, with names for indices. */
function outline(object: ObjectFile, without: ReadonlySet<number> = new Set()) {
  const table = object.symbols();
  const kept = object.sections.filter(({ index }) => !without.has(index));
  return {
    sections: kept.map(({ name, type, flags, alignment, entrySize, bytes, link, index }) => [
      name,
      type,
      flags,
      alignment,
      entrySize,
      // String tables only grow, and symbol tables name sections by index.
      type === 2 || type === 3 ? '' : Buffer.from(bytes).toString('hex'),
      index === 0 ? '' : object.sections[link]?.name,
    ]),
    symbols: Array.from({ length: table?.count ?? 0 }, (_, index) => {
      const at = table?.sectionIndex(index);
      if (at !== undefined && without.has(at)) return 'gone';
      return [
        table?.name(index),
        table?.value(index),
        table?.other(index),
        at === undefined ? at : object.sections[at]?.name,
      ];
    }),
  };
}

test('removing sections keeps symbol indices and what the others refer to', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(linked, fc.array(fc.nat(8)), (one, picked) => {
      const apart = {
        ...one,
        sections: one.sections.map((each) => ({ ...each, link: 0, info: 0, flags: 0n })),
      };
      const bytes = writeObjectFile(apart);
      const removed = new Set(picked.filter((index) => index > 0 && index <= one.sections.length));
      const result = parseObjectFile(rewriteObjectFile(bytes, { removed }));
      const before = parseObjectFile(bytes);
      const gone = new Set(
        Array.from({ length: before.symbols()?.count ?? 0 }, (_, index) => index).filter((index) =>
          removed.has(before.symbols()?.sectionIndex(index) ?? 0),
        ),
      );
      const expected = outline(before, removed);
      const found = outline(result);
      const symbols = found.symbols.map((each, index) => (gone.has(index) ? 'gone' : each));
      expect({ ...found, symbols }).toEqual(expected);
      for (const index of gone) {
        expect(result.symbols()?.name(index)).toBe('');
        expect(result.symbols()?.binding(index)).toBe(before.symbols()?.binding(index));
      }
    }),
  );
});

test('no change gives the file, and the same changes give the same bytes', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(linked, fc.array(section), (one, added) => {
      const bytes = writeObjectFile(one);
      expect(Buffer.compare(rewriteObjectFile(bytes, {}), bytes)).toBe(0);
      const again = rewriteObjectFile(bytes, { added });
      expect(Buffer.compare(rewriteObjectFile(bytes, { added }), again)).toBe(0);
    }),
  );
});

/** What rewriting throws, unless it is a KelpError. */
function surprise(bytes: Uint8Array, removed: number): unknown {
  const symbols = new Map([[1, { name: 'x', reserved: SHN_LIVEPATCH }]]);
  try {
    parseObjectFile(
      rewriteObjectFile(bytes, { symbols, removed: new Set([removed]), added: [{ name: 'y', type: 1 }] }),
    );
    return undefined;
  } catch (error) {
    return isKelpError(error) ? undefined : error;
  }
}

const sound = fc.constantFrom(littleEndianObject(), bigEndianObject());
const flips = fc.array(fc.tuple(fc.nat(1183), fc.nat(0xff)), { minLength: 1, maxLength: 12 });

test('bytes changed anywhere in a sound object raise only a KelpError', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(sound, flips, fc.nat(10), (whole, changes, removed) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      expect(surprise(bytes, removed)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
