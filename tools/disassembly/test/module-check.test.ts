import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  SHT_RELA,
  writeObjectFile,
  type ObjectFile,
  type SectionSpecification,
} from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import type { ListingLine } from '../src/listing.ts';
import { addCounts, checkModule } from '../src/module-check.ts';

const code = SHF_ALLOC | SHF_EXECINSTR;

function section(name: string, flags: bigint, bytes: readonly number[]): SectionSpecification {
  return { name, type: SHT_PROGBITS, flags, bytes: Uint8Array.from(bytes) };
}

/** call with a relocation, ret; data; an empty section of code; int3 with a relocation of no effect. */
function moduleWith(type: number, offset: number): ObjectFile {
  const relocations = [{ offset, type, symbol: 0, addend: -4n }];
  const noEffect = [{ offset: 0, type: 0, symbol: 0, addend: 0n }];
  const sections = [
    section('.text', code, [0xe8, 0, 0, 0, 0, 0xc3]),
    section('.data', SHF_ALLOC, [1, 2, 3]),
    section('.init.text', code, []),
    section('.exit.text', code, [0xcc]),
    { name: '.rela.text', type: SHT_RELA, relocations, info: 1 },
    { name: '.rela.exit.text', type: SHT_RELA, relocations: noEffect, info: 4 },
  ];
  return parseObjectFile(writeObjectFile({ machine: 62, byteOrder: 'little', sections }));
}

async function* listing(...lines: readonly ListingLine[]): AsyncGenerator<ListingLine> {
  yield* lines;
}

const text: readonly ListingLine[] = [
  { kind: 'section', name: '.text' },
  { kind: 'instruction', address: 0, text: 'call   5 <f+0x5>' },
  { kind: 'instruction', address: 5, text: 'ret' },
];
const exit: readonly ListingLine[] = [
  { kind: 'section', name: '.exit.text' },
  { kind: 'instruction', address: 0, text: 'int3' },
];

describe('a module', () => {
  test('is checked in all sections with code', async () => {
    const { counts, differences } = await checkModule(moduleWith(4, 1), listing(...text, ...exit));
    expect(differences).toEqual([]);
    expect(counts).toEqual({
      sections: 2,
      bytes: 7,
      instructions: 3,
      invalid: 0,
      targets: 1,
      relocations: 1,
    });
  });

  test('gives its differences with their section', async () => {
    const { differences } = await checkModule(moduleWith(4, 2), listing(...text, ...exit));
    expect(differences).toMatchObject([{ section: '.text', offset: 2, what: 'relocation' }]);
  });

  test('needs a listing of the same sections', async () => {
    await expect(checkModule(moduleWith(4, 1), listing(...text))).rejects.toThrow('does not list .exit.text');
    await expect(checkModule(moduleWith(4, 1), listing(...exit, ...text))).rejects.toThrow('expected .text');
    await expect(checkModule(moduleWith(4, 1), listing(...text.slice(1)))).rejects.toThrow(
      'outside any section',
    );
  });

  test('needs relocation types whose size is known', async () => {
    await expect(checkModule(moduleWith(9, 1), listing(...text, ...exit))).rejects.toThrow(
      'relocation type 9',
    );
  });

  test('adds up with others', () => {
    const counts = { sections: 1, bytes: 2, instructions: 3, invalid: 4, targets: 5, relocations: 6 };
    expect(addCounts([counts, counts])).toEqual({
      sections: 2,
      bytes: 4,
      instructions: 6,
      invalid: 8,
      targets: 10,
      relocations: 12,
    });
  });
});
