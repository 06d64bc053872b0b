import { parseObjectFile, type RelocationTable } from '@kelp/core/elf';
import { livepatchRelocations, parseSymbolList, readLivepatch, SymbolList } from '@kelp/livepatch';
import { describe, expect, test } from 'vitest';
import { bytesOf, convert, converted, symbols as livepatchSymbols, unconverted } from './marked-fixture.ts';
import { annotation, architectureNames, data, smallModule } from './small-module.ts';

// What klp-convert of 2019 and v7 get wrong, one test each.

function listOf(object: string, ...names: readonly string[]): SymbolList {
  return new SymbolList(new Map([[object, names]]));
}

/** The livepatch relocations of a file: their sections, and a column of each. */
function late<Value>(bytes: Uint8Array, column: (records: RelocationTable, index: number) => Value) {
  const file = parseObjectFile(bytes);
  return livepatchRelocations(file).map(({ section, records }) => [
    section.name,
    Array.from({ length: records.count }, (_, index) => column(records, index)),
  ]);
}

function namesOf(bytes: Uint8Array): readonly string[] {
  return (readLivepatch(parseObjectFile(bytes))?.symbols ?? []).map(({ text }) => text);
}

test('1: addends cut to 32 bits without a word', () => {
  const addends = [0x1_2345_6789n, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, -1n];
  const relocated = addends.map((addend, index) => ({ offset: index * 8, symbol: 'f', addend }));
  const bytes = smallModule('x86', [{ name: '.data', flags: data, relocated }]);
  const result = converted(convert(bytes, { symbols: listOf('vmlinux', 'f') }));
  expect(late(result, (records, index) => records.addend(index))).toEqual([
    ['.klp.rela.vmlinux..data', addends],
  ]);
});

test('2: sympos of 1000 or more cut', () => {
  const names = Array.from({ length: 4_000_000 / 1000 }, () => 'f');
  const bytes = smallModule('x86', [
    { name: '.data', flags: data, relocated: [{ offset: 0, symbol: 'f' }] },
    annotation('x86', 'vmlinux', [['f', 3456]]),
  ]);
  expect(namesOf(converted(convert(bytes, { symbols: listOf('vmlinux', ...names) })))).toEqual([
    '.klp.sym.vmlinux.f,3456',
  ]);
});

test('3: a symbol used in two sections converted in one only', () => {
  const relocated = [{ offset: 8, symbol: 'f' }];
  const bytes = smallModule('x86', [
    { name: '.data', flags: data, relocated },
    { name: '.data.other', flags: data, relocated },
  ]);
  const result = converted(convert(bytes, { symbols: listOf('vmlinux', 'f') }));
  expect(late(result, (records, index) => records.offset(index))).toEqual([
    ['.klp.rela.vmlinux..data', [8]],
    ['.klp.rela.vmlinux..data.other', [8]],
  ]);
  const left = parseObjectFile(result).sections.filter(
    ({ name, size }) => name.startsWith('.rela') && size > 0,
  );
  expect(left).toEqual([]);
});

test('4: order of relocations reversed', () => {
  const offsets = [40, 0, 24, 8, 16, 32];
  const relocated = offsets.map((offset, index) => ({ offset, symbol: index % 2 === 0 ? 'f' : 'g' }));
  const bytes = smallModule('ppc64le', [{ name: '.data', flags: data, relocated }]);
  const result = converted(convert(bytes, { symbols: listOf('vmlinux', 'f', 'g') }));
  expect(late(result, (records, index) => records.offset(index))).toEqual([
    ['.klp.rela.vmlinux..data', offsets],
  ]);
});

test('5: s390x annotations read in host byte order', () => {
  const bytes = smallModule('s390x', [
    { name: '.data', flags: data, relocated: [{ offset: 0, symbol: 'f' }] },
    annotation('s390x', 'vmlinux', [['f', 2]]),
  ]);
  const result = converted(convert(bytes, { symbols: listOf('vmlinux', 'f', 'g', 'f') }));
  expect(namesOf(result)).toEqual(['.klp.sym.vmlinux.f,2']);
});

describe('6: crash', () => {
  test.each(architectureNames)('on an object of %s', (name) => {
    const bytes = smallModule(name, [
      { name: '.data', flags: data, relocated: [{ offset: 0, symbol: 'f' }] },
    ]);
    expect(namesOf(converted(convert(bytes, { symbols: listOf('vmlinux', 'f') })))).toEqual([
      '.klp.sym.vmlinux.f,0',
    ]);
  });

  test('on a list with a symbol before any object', () => {
    expect(() => parseSymbolList('klp-convert-symbol-data.0.1\nf\n*vmlinux\n')).toThrow(
      expect.objectContaining({ code: 'symbol-list/no-object' }),
    );
  });
});

test('7: not idempotent', () => {
  for (const dialect of ['2019', 'v7', 'minimal', 'objtool'] as const) {
    const first = convert(unconverted(bytesOf('s390x/livepatch-7.3'), dialect), {
      symbols: livepatchSymbols,
      dialect,
    });
    const again = convert(converted(first), { symbols: livepatchSymbols, dialect });
    expect([again.findings, again.sections]).toEqual([[], []]);
    expect(Buffer.compare(converted(again), converted(first))).toBe(0);
    // Without lists and without a dialect it is seen to be converted.
    const seen = convert(converted(first));
    expect(seen.dialect).toBeUndefined();
    expect(Buffer.compare(converted(seen), converted(first))).toBe(0);
  }
});

test('8: the dotted minimal dialect cannot express names such as foo.isra.0', () => {
  const marks = ['foo.isra.0,3', 'foo.isra.0.3', 'plain.0', 'a.b.12.0'];
  const bytes = smallModule('x86', [
    {
      name: '.data',
      flags: data,
      relocated: marks.map((mark, index) => ({
        offset: index * 8,
        symbol: `.klp.sym.rela.vmlinux.vmlinux.${mark}`,
      })),
    },
  ]);
  expect(namesOf(converted(convert(bytes)))).toEqual([
    '.klp.sym.vmlinux.foo.isra.0,3',
    '.klp.sym.vmlinux.foo.isra.0,3',
    '.klp.sym.vmlinux.plain,0',
    '.klp.sym.vmlinux.a.b.12,0',
  ]);
});
