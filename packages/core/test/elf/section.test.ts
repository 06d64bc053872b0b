import { describe, expect, test } from 'vitest';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHF_WRITE,
  SHT_NOBITS,
  SHT_PROGBITS,
  SHT_RELA,
} from '../../src/elf/constants.ts';
import { parseObjectFile } from '../../src/elf/object-file.ts';
import type { Section } from '../../src/elf/section.ts';
import { writeObjectFile, type SectionSpecification } from '../../src/elf/writer.ts';

/** Section 1 of a file that holds it and another behind it. */
function sectionOf(
  specification: Partial<SectionSpecification>,
  byteOrder: 'little' | 'big' = 'little',
): Section {
  const bytes = writeObjectFile({
    machine: 62,
    byteOrder,
    sections: [
      { name: '.toy', type: SHT_PROGBITS, ...specification },
      { name: '.rest', type: SHT_PROGBITS, bytes: Uint8Array.of(9, 9, 9, 9) },
    ],
  });
  const section = parseObjectFile(bytes).sections[1];
  if (section === undefined) throw new Error('the file lost its section');
  return section;
}

describe.each(['little', 'big'] as const)('%s endian', (order) => {
  test('a 64-bit address is exact', () => {
    expect(sectionOf({ address: 0xffff_ffff_c012_3457n }, order).address).toBe(0xffff_ffff_c012_3457n);
  });

  test('flags keep all 64 bits', () => {
    expect(sectionOf({ flags: 0xf123_4567_89ab_cdefn }, order).flags).toBe(0xf123_4567_89ab_cdefn);
  });

  test('alignment and entry size are read at their own places', () => {
    const { alignment, entrySize } = sectionOf({ alignment: 4096, entrySize: 0x0102_0304 }, order);
    expect([alignment, entrySize]).toEqual([4096n, 0x0102_0304n]);
  });

  test('link and info are unsigned', () => {
    const { link, info } = sectionOf({ link: 0xffff_fffe, info: 0x8000_0001 }, order);
    expect([link, info]).toEqual([0xffff_fffe, 0x8000_0001]);
  });

  test('a type may be any number', () => {
    expect(sectionOf({ type: 0xfedc_ba98 }, order).type).toBe(0xfedc_ba98);
  });
});

describe('a section', () => {
  test('knows its index', () => {
    expect(sectionOf({}).index).toBe(1);
  });

  test('may have a name that JavaScript objects treat in a special way', () => {
    expect(sectionOf({ name: '__proto__' }).name).toBe('__proto__');
  });

  test('gives a view of its bytes', () => {
    expect([...sectionOf({ bytes: Uint8Array.of(1, 2, 3) }).bytes]).toEqual([1, 2, 3]);
  });

  test('of type NOBITS has a size but no bytes', () => {
    const section = sectionOf({ type: SHT_NOBITS, size: 2 ** 40 });
    expect([section.size, section.bytes.length, section.occupiesFile]).toEqual([2 ** 40, 0, false]);
  });

  test.each([
    ['nothing', 0n, [false, false, false]],
    ['SHF_WRITE', SHF_WRITE, [false, false, false]],
    ['SHF_ALLOC', SHF_ALLOC, [true, false, false]],
    ['SHF_EXECINSTR', SHF_EXECINSTR, [false, true, false]],
    ['SHF_RELA_LIVEPATCH', SHF_RELA_LIVEPATCH, [false, false, true]],
    ['bits above 32 only', SHF_ALLOC << 32n, [false, false, false]],
  ])('with %s is allocated, executable, of livepatch accordingly', (_name, flags, expected) => {
    const section = sectionOf({ type: SHT_RELA, flags });
    expect([section.isAllocated, section.isExecutable, section.isLivepatchRelocation]).toEqual(expected);
  });
});
