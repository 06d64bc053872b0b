import { describe, expect, test } from 'vitest';
import { SHF_ALLOC, SHF_RELA_LIVEPATCH, SHT_PROGBITS, SHT_RELA } from '../src/elf/constants.ts';
import { parseObjectFile, type ObjectFile } from '../src/elf/object-file.ts';
import {
  writeObjectFile,
  type RelocationSpecification,
  type SectionSpecification,
} from '../src/elf/writer.ts';
import { entrySource, relocationsOf } from '../src/section-entries.ts';
import { toyMachine } from './toy-architecture.ts';

const at = (offset: number, symbol = 1, addend = 0n): RelocationSpecification => ({
  offset,
  type: 1,
  symbol,
  addend,
});

/** Two tables, the relocation sections given, and one symbol. Sections 1 and 2 are `__one` and `__two`. */
function objectOf(...relocations: readonly SectionSpecification[]): ObjectFile {
  const table = { type: SHT_PROGBITS, flags: SHF_ALLOC };
  const bytes = writeObjectFile({
    machine: toyMachine,
    byteOrder: 'big',
    sections: [
      { ...table, name: '__one', bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { ...table, name: '__two', bytes: new Uint8Array(8) },
      ...relocations,
    ],
    symbols: [{ name: 'work', section: 1 }],
  });
  return parseObjectFile(bytes, 'toy.ko');
}

function rela(
  info: number,
  relocations: readonly RelocationSpecification[],
  flags = 0n,
): SectionSpecification {
  return { name: '.rela', type: SHT_RELA, info, relocations, flags };
}

function offsetsOf(object: ObjectFile, name: string): readonly number[] | undefined {
  const section = object.section(name);
  const table = section === undefined ? undefined : relocationsOf(object, section);
  return table === undefined
    ? undefined
    : Array.from({ length: table.count }, (_, index) => table.offset(index));
}

describe('relocationsOf', () => {
  test('gives the relocations whose sh_info names the section', () => {
    expect(offsetsOf(objectOf(rela(2, [at(4)]), rela(1, [at(0)])), '__one')).toEqual([0]);
  });

  test('gives nothing for a section without relocations', () => {
    expect(offsetsOf(objectOf(rela(2, [at(4)])), '__one')).toBeUndefined();
  });

  test('leaves out those that livepatch applies', () => {
    expect(offsetsOf(objectOf(rela(1, [at(0)]), rela(1, [at(4)], SHF_RELA_LIVEPATCH)), '__one')).toEqual([0]);
  });
});

describe('entrySource', () => {
  const object = objectOf(rela(1, [at(4, 1, -8n), at(0, 1, 2n)]));
  const section = object.section('__one');
  const source = section === undefined ? undefined : entrySource(object, section);

  test('has the bytes and byte order of the section', () => {
    expect(source).toMatchObject({ bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), byteOrder: 'big' });
  });

  test('finds a relocation by its exact offset', () => {
    expect([0, 4].map((offset) => source?.relocationAt(offset))).toEqual([
      { symbol: 1, addend: 2n },
      { symbol: 1, addend: -8n },
    ]);
  });

  test.each([1, 3, 8, -1])('finds none at offset %d', (offset) => {
    expect(source?.relocationAt(offset)).toBeUndefined();
  });

  test.each([
    [1, false],
    [2, true],
    [3, true],
  ])('of a file with e_type %d is linked: %s', (type, linked) => {
    const sections = [{ name: '__one', type: SHT_PROGBITS }];
    const file = parseObjectFile(writeObjectFile({ machine: toyMachine, byteOrder: 'big', type, sections }));
    const [, one] = file.sections;
    expect(one === undefined ? undefined : entrySource(file, one).linked).toBe(linked);
  });

  test('has none where the section has no relocations', () => {
    const plain = objectOf();
    const one = plain.section('__one');
    expect(one === undefined ? undefined : entrySource(plain, one).relocationAt(0)).toBeUndefined();
  });
});
