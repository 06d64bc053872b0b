import {
  characters,
  decodeEntries,
  entrySource,
  padding,
  pointer,
  s16,
  u16,
  u32,
  u64,
  type EntryField,
  type EntryLayout,
} from '@kelp/core';
import { parseObjectFile, type RelocationSpecification } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { describeEntry } from '../src/entry-text.ts';
import { code, data, rela, toyModule } from './toy-architecture.ts';

/** The text of the only field of the only entry of a table. */
function textOf(
  field: EntryField,
  bytes: readonly number[],
  relocation?: Partial<RelocationSpecification>,
): string | undefined {
  const object = parseObjectFile(
    toyModule(
      [
        data('__table', 0, { bytes: Uint8Array.from(bytes) }),
        code(),
        rela(1, relocation === undefined ? [] : [relocation]),
      ],
      {
        symbols: [
          { name: '', section: 2, type: 3 },
          { name: 'work', section: 2, value: 0x10n },
          { name: 'printk', section: 0, binding: 1 },
        ],
      },
    ),
  );
  const section = object.section('__table');
  if (section === undefined) throw new Error('the file lost its table');
  const layout: EntryLayout = { size: bytes.length, fields: { field }, structure: 'struct entry' };
  const [entry] = decodeEntries(layout, entrySource(object, section));
  return entry === undefined ? undefined : describeEntry(entry, object, object.symbols())[0]?.value;
}

const eight = [1, 2, 3, 4, 5, 6, 7, 8];
const zeros = eight.map(() => 0);
const [sectionSymbol, work, printk] = [1, 2, 3];

describe('a number is shown', () => {
  test('in decimal', () => {
    expect([textOf(u16(0), [0x39, 0x30]), textOf(s16(0), [0xfe, 0xff])]).toEqual(['12345', '-2']);
  });

  test('in hexadecimal if it has 8 bytes', () => {
    expect(textOf(u64(0), eight)).toBe('0x807060504030201');
  });
});

describe('characters are shown', () => {
  test.each([
    ['as text up to the first NUL', [0x6d, 0x6f, 0x64, 0, 0xff], 'mod'],
    ['as text without NUL', [0x6d, 0x6f, 0x64], 'mod'],
    ['in hexadecimal if they cannot be printed', [0x6d, 0x1b, 0], '6d1b00'],
    ['in hexadecimal if there are none', [0, 0], '0000'],
  ])('%s', (_how, bytes, text) => {
    expect(textOf(characters(0, bytes.length), bytes)).toBe(text);
  });
});

describe('a pointer is shown', () => {
  test('by the section that it leads to', () => {
    expect(textOf(pointer(0), zeros, { symbol: sectionSymbol, addend: 0x24n })).toBe('.text+0x24');
  });

  test('with the value of its symbol added', () => {
    expect(textOf(pointer(0), zeros, { symbol: work, addend: -4n })).toBe('.text+0xc');
  });

  test('before its section with a minus', () => {
    expect(textOf(pointer(0), zeros, { symbol: sectionSymbol, addend: -4n })).toBe('.text-0x4');
  });

  test('by the symbol where that is somewhere else', () => {
    expect(textOf(pointer(0), zeros, { symbol: printk })).toBe('printk');
  });

  test('by the symbol and what is added', () => {
    expect(textOf(pointer(0), zeros, { symbol: printk, addend: 8n })).toBe('printk+0x8');
  });

  test('by its bytes where it has no relocation', () => {
    expect([textOf(pointer(0), zeros), textOf(pointer(0), eight)]).toEqual(['0x0', '0x807060504030201']);
  });

  test('with its flags', () => {
    expect(textOf(pointer(0, { flags: 3 }), zeros, { symbol: printk, addend: 2n })).toBe('printk flags 2');
  });
});

test('the fields have the order of the structure, padding left out', () => {
  const layout: EntryLayout = {
    size: 8,
    fields: { second: u16(4), rest: padding(6, 2), first: u32(0) },
    structure: 'struct entry',
  };
  const object = parseObjectFile(toyModule([data('__table', 8)]));
  const [entry] = decodeEntries(layout, {
    bytes: new Uint8Array(8),
    byteOrder: 'little',
    relocationAt: () => undefined,
  });
  const fields = entry === undefined ? [] : describeEntry(entry, object, undefined).map(({ field }) => field);
  expect(fields).toEqual(['second', 'first']);
});
