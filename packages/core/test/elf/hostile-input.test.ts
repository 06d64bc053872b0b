import { describe, expect, test } from 'vitest';
import { requireArchitecture } from '../../src/architecture.ts';
import { SHT_NOBITS, SHT_PROGBITS, SHT_RELA } from '../../src/elf/constants.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import { writeObjectFile } from '../../src/elf/writer.ts';
import { toy } from '../toy-architecture.ts';
import { bigEndianObject, littleEndianObject } from './assembled-objects.ts';
import { readEverything } from './read-everything.ts';

// Sections of the little-endian object: see object-file.test.ts.
const [text, relaText, bss, relaTable, symtab, strtab, shstrtab] = [1, 2, 4, 7, 8, 9, 10];
const sectionTable = 360;

/** Members of a section header, by their place in it. */
const [shName, shType, shOffset, shSize, shLink] = [0, 4, 24, 32, 40];

const header = (section: number, member: number): number => sectionTable + section * 64 + member;

/** The little-endian object with numbers of 2, 4 or 8 bytes changed. */
function changed(
  ...changes: readonly (readonly [offset: number, size: 1 | 2 | 4 | 8, value: number | bigint])[]
): Uint8Array {
  const bytes = littleEndianObject();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const [offset, size, value] of changes) {
    const wide = new DataView(new ArrayBuffer(8));
    wide.setBigUint64(0, BigInt(value), true);
    for (let index = 0; index < size; index++) view.setUint8(offset + index, wide.getUint8(index));
  }
  return bytes;
}

function readAll(bytes: Uint8Array): readonly unknown[] {
  return readEverything(parseObjectFile(bytes, 'hostile.ko'));
}

describe('a file', () => {
  test.each([
    ['that is empty', new Uint8Array(), 'elf/truncated'],
    ['that is no ELF file', new TextEncoder().encode('not an ELF file'.repeat(10)), 'elf/not-elf'],
    ['of the wrong class', changed([4, 1, 1]), 'elf/wrong-class'],
    ['of no byte order', changed([5, 1, 0]), 'elf/byte-order'],
    ['of the other byte order', changed([5, 1, 2]), 'elf/too-large'],
    ['whose section table lies behind its end', changed([40, 8, 0x1_0000]), 'elf/outside-file'],
    ['whose section table starts at 2^60', changed([40, 8, 2n ** 60n]), 'elf/too-large'],
    ['with more sections than it has room for', changed([60, 2, 0xfeff]), 'elf/outside-file'],
    [
      'that says in section 0 that it has 2^32 sections',
      changed([60, 2, 0], [header(0, shSize), 8, 2n ** 32n]),
      'elf/outside-file',
    ],
    [
      'that says in section 0 that it has 2^60 sections',
      changed([60, 2, 0], [header(0, shSize), 8, 2n ** 60n]),
      'elf/too-large',
    ],
    ['with no section at all in its table', changed([60, 2, 0]), 'elf/section-names'],
    ['with section headers of 40 bytes', changed([58, 2, 40]), 'elf/section-table'],
    ['with section headers of 0 bytes', changed([58, 2, 0]), 'elf/section-table'],
    ['with names in a section that does not exist', changed([62, 2, 99]), 'elf/section-names'],
    ['with names in a section without names', changed([62, 2, text]), 'elf/section-names'],
    [
      'with names in a section beyond 65,280',
      changed([62, 2, 0xffff], [header(0, shLink), 4, 0xffff_ffff]),
      'elf/section-names',
    ],
    ['with a section behind its end', changed([header(text, shOffset), 8, 0x1_0000]), 'elf/outside-file'],
    ['with a section that runs out of it', changed([header(text, shSize), 8, 0x1_0000]), 'elf/outside-file'],
    ['with a section at 2^60', changed([header(text, shOffset), 8, 2n ** 60n]), 'elf/too-large'],
    ['with a section of 2^60 bytes', changed([header(text, shSize), 8, 2n ** 60n]), 'elf/too-large'],
    [
      'with a section of 2^53 - 1 bytes',
      changed([header(text, shSize), 8, 2n ** 53n - 1n]),
      'elf/outside-file',
    ],
    [
      'with a section that ends at 2^64',
      changed([header(text, shOffset), 8, 2n ** 64n - 8n]),
      'elf/too-large',
    ],
    ['with a name outside the section names', changed([header(text, shName), 4, 0x48]), 'elf/name-offset'],
    ['with a name at 2^32 - 1', changed([header(text, shName), 4, 0xffff_ffff]), 'elf/name-offset'],
    ['with section names without an end', changed([0x120 + 0x46, 1, 0x78]), 'elf/unterminated-names'],
    ['with symbol names without an end', changed([0xc8 + 0xc, 1, 0x78]), 'elf/unterminated-names'],
    ['with a symbol name outside the names', changed([0x80 + 24, 4, 0xd]), 'elf/name-offset'],
    [
      'with symbols whose names are no string table',
      changed([header(symtab, shLink), 4, text]),
      'elf/symbol-table',
    ],
    [
      'with symbols whose names do not exist',
      changed([header(symtab, shLink), 4, 0xffff_ffff]),
      'elf/symbol-table',
    ],
    ['with symbols of 23 bytes', changed([header(symtab, shSize), 8, 69]), 'elf/symbol-table'],
    ['with relocations of 23 bytes', changed([header(relaText, shSize), 8, 23]), 'elf/relocation-table'],
    [
      'with a relocation against a symbol that does not exist',
      changed([0xd8 + 12, 4, 3]),
      'elf/symbol-index',
    ],
    ['with a relocation at 2^60', changed([0xd8, 8, 2n ** 60n]), 'elf/too-large'],
    [
      'with an extended table that is too short',
      changed([header(text, shType), 4, 18], [header(text, shLink), 4, symtab]),
      'elf/symbol-table',
    ],
    [
      'with sections that share bytes',
      changed([header(text, shSize), 8, 600], [header(strtab, shSize), 8, 600]),
      'elf/overlapping-sections',
    ],
  ])('%s is refused with %s', (_what, bytes, code) => {
    expect(() => readAll(bytes)).toThrow(
      expect.objectContaining({ name: 'KelpError', code, file: 'hostile.ko' }),
    );
  });

  test('of an unknown machine is read, but no architecture takes it', () => {
    const object = parseObjectFile(changed([18, 2, 258]), 'hostile.ko');
    expect(() => requireArchitecture(object, [toy])).toThrow(
      expect.objectContaining({ code: 'architecture/unsupported', file: 'hostile.ko' }),
    );
  });

  test('with a NOBITS section of 2^53 - 1 bytes somewhere is read', () => {
    const bytes = changed([header(bss, shSize), 8, 2n ** 53n - 1n], [header(bss, shOffset), 8, 2n ** 52n]);
    expect(parseObjectFile(bytes).sections[bss]?.size).toBe(2 ** 53 - 1);
  });

  test('with relocations of a section that does not exist is read', () => {
    const bytes = changed([header(relaTable, shLink), 4, 0xffff], [header(relaTable, shLink + 4), 4, 0xffff]);
    expect(() => readAll(bytes)).not.toThrow();
  });

  test('with an offset into the middle of a name is read', () => {
    expect(parseObjectFile(changed([header(shstrtab, shName), 4, 3])).sections[shstrtab]?.name).toBe('ymtab');
  });
});

describe.each([
  ['little', littleEndianObject()],
  ['big', bigEndianObject()],
] as const)('the %s-endian object', (_order, whole) => {
  test('is read whole', () => {
    expect(readAll(whole).length).toBeGreaterThan(100);
  });

  test('cut at any length is refused, because its section table stands at its end', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => readAll(whole.subarray(0, length)), `${length} bytes`).toThrow(
        expect.objectContaining({ name: 'KelpError', file: 'hostile.ko' }),
      );
    }
  });
});

describe('a large hostile file is done with quickly:', () => {
  test('20,000 symbols that all name the rest of a table of 4 MB', () => {
    const bytes = writeObjectFile({
      machine: 62,
      byteOrder: 'little',
      sections: [{ name: '.a', type: SHT_PROGBITS }],
      symbols: [{ name: 'n'.repeat(4 << 20), section: 1 }],
    });
    const table = parseObjectFile(bytes, 'hostile.ko').symbols();
    let refused = 0;
    for (let repeat = 0; repeat < 20_000; repeat++) {
      try {
        table?.name(1);
      } catch {
        refused++;
      }
    }
    expect(refused).toBe(20_000);
  });

  test('10,000 sections that all hold the same 40,000 relocations', () => {
    const relocations = { name: '.rela', type: SHT_RELA, bytes: new Uint8Array(24 * 40_000) };
    const others = Array.from({ length: 9999 }, () => ({ name: '.rela', type: SHT_RELA }));
    const bytes = writeObjectFile({ machine: 62, byteOrder: 'little', sections: [relocations, ...others] });
    const view = new DataView(bytes.buffer);
    const table = Number(view.getBigUint64(40, true));
    for (let index = 2; index <= 10_000; index++) {
      view.setBigUint64(table + index * 64 + shOffset, 64n, true);
      view.setBigUint64(table + index * 64 + shSize, 920_000n, true);
    }
    expect(() => readAll(bytes)).toThrow(expect.objectContaining({ code: 'elf/overlapping-sections' }));
  });

  test('20,000 NOBITS sections of 2^50 bytes', () => {
    const sections = Array.from({ length: 20_000 }, () => ({
      name: '.bss',
      type: SHT_NOBITS,
      size: 2 ** 50,
    }));
    const bytes = writeObjectFile({ machine: 62, byteOrder: 'little', sections });
    expect(readAll(bytes).length).toBeGreaterThan(20_000);
  });
});
