import {
  appliesTo,
  countFittingEntries,
  decodeEntries,
  fitLayout,
  isPointer,
  layoutFor,
  parseKernel,
  type EntrySource,
  type SpecialSection,
} from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { s390x } from '../src/index.ts';

function rowOf(name: string, release?: string): SpecialSection {
  const row = s390x.specialSection(name, release === undefined ? undefined : parseKernel(release));
  if (row === undefined) throw new Error(`no row for ${name}`);
  return row;
}

/** A section whose places with a relocation refer to symbol 7. */
function sourceOf(hex: string, addends: ReadonlyMap<number, bigint>): EntrySource {
  return {
    bytes: Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    byteOrder: 'big',
    relocationAt: (offset) => {
      const addend = addends.get(offset);
      return addend === undefined ? undefined : { symbol: 7, addend };
    },
  };
}

describe('sizes of an entry by kernel', () => {
  test.each([
    ['.altinstructions', 12, 11, 13, 13],
    ['__ex_table', 16, 12, 12, 12],
    ['__bug_table', 12, 12, 12, 16],
    ['__jump_table', 16, 16, 16, 16],
    ['__mcount_loc', 8, 8, 8, 8],
    ['__stack_protector_loc', undefined, undefined, undefined, 8],
    ['.s390_indirect_branches', 4, 4, 4, 4],
    ['.s390_indirect_jump', 4, 4, 4, 4],
    ['.s390_indirect_call', 4, 4, 4, 4],
    ['.s390_return_mem', 4, 4, 4, 4],
    ['.s390_return_reg', 4, 4, 4, 4],
    // 64-bit pointers: s390x has no HAVE_ARCH_PREL32_RELOCATIONS.
    ['__ksymtab', 24, 24, 24, 24],
    ['__ksymtab_gpl', 24, 24, 24, undefined],
    ['__tracepoints_ptrs', 8, 8, 8, 8],
    ['.pci_fixup_final', 24, 24, 24, 24],
  ])('%s', (name, ...sizes) => {
    const kernels = ['5.10.223', '6.1.176', '6.12.107', '7.3-rc7'].map((release) => parseKernel(release));
    const found = kernels.map((kernel) => {
      const row = s390x.specialSection(name, kernel);
      return row === undefined ? undefined : layoutFor(row, kernel)?.size;
    });
    expect(found).toEqual(sizes);
  });

  test('7.3 differs from 7.2 in tables of the kernel image only', () => {
    const [older, newer] = [parseKernel('7.2.13'), parseKernel('7.3-rc7')];
    const changed = s390x.specialSections.filter(
      (row) => appliesTo(row.applies, older) !== appliesTo(row.applies, newer),
    );
    expect(changed.map(({ name }) => name)).toEqual(['runtime_mask_*']);
    const laidOutAnew = s390x.specialSections.filter(
      (row) => layoutFor(row, older) !== layoutFor(row, newer),
    );
    expect(laidOutAnew).toEqual([]);
  });
});

describe('entries', () => {
  test('an alternative of 6.1: 11 bytes, so the second entry is unaligned', () => {
    const hex = '00000000 00000000 0031 04  00000000 00000000 0011 06';
    const source = sourceOf(
      hex,
      new Map([
        [0, 0x20n],
        [4, 0n],
        [11, 0x30n],
        [15, 4n],
      ]),
    );
    const fitted = fitLayout(rowOf('.altinstructions'), parseKernel('6.1.176'), source);
    expect(fitted).toMatchObject({ count: 2, foreign: false, layout: { size: 11 } });
    const entries = fitted === undefined ? [] : [...decodeEntries(fitted.layout, source)];
    expect(entries).toMatchObject([
      { instrOffset: { symbol: 7, addend: 0x20n }, facility: 49, instrlen: 4 },
      { instrOffset: { symbol: 7, addend: 0x30n }, replOffset: { addend: 4n }, facility: 17, instrlen: 6 },
    ]);
  });

  test('an alternative of 7.3: context 1, machine feature, number 7', () => {
    const source = sourceOf(
      '00000000 00000000 10100007 06',
      new Map([
        [0, 0n],
        [4, 0n],
      ]),
    );
    const fitted = fitLayout(rowOf('.altinstructions'), parseKernel('7.3-rc7'), source);
    const [entry] = fitted === undefined ? [] : [...decodeEntries(fitted.layout, source)];
    expect(entry).toMatchObject({ feature: 0x1010_0007, instrlen: 6 });
  });

  test('a layout of another kernel is recognized as such', () => {
    const source = sourceOf(
      '00000000 00000000 0031 04',
      new Map([
        [0, 0n],
        [4, 0n],
      ]),
    );
    const fitted = fitLayout(rowOf('.altinstructions'), parseKernel('6.12.107'), source);
    expect(fitted).toMatchObject({ foreign: true, layout: { size: 11 } });
    expect(fitLayout(rowOf('.altinstructions'), parseKernel('6.12.107'), sourceOf('00', new Map()))).toBe(
      undefined,
    );
  });

  test('a bug entry of 7.2 names its format', () => {
    const row = rowOf('__bug_table', '7.2.13');
    const kernel = parseKernel('7.2.13');
    expect(countFittingEntries(row, kernel, 48, 9)).toBe(3);
    const fields = layoutFor(row, kernel)?.fields ?? {};
    const pointers = Object.entries(fields).filter(([, field]) => isPointer(field));
    expect(pointers.map(([name]) => name)).toEqual(['bugAddr', 'format', 'file']);
  });

  test('an exception handler of 5.10 is optional', () => {
    const row = rowOf('__ex_table', '5.10.223');
    const [without, all] = [2, 3].map((relocations) =>
      countFittingEntries(row, parseKernel('5.10.223'), 16, relocations),
    );
    expect([without, all]).toEqual([1, 1]);
  });

  test('flag bits of a jump label key are not part of the address', () => {
    const addends = new Map([
      [0, 0n],
      [4, 0n],
      [8, 0x41n],
    ]);
    const source = sourceOf('00'.repeat(16), addends);
    const fitted = fitLayout(rowOf('__jump_table'), parseKernel('7.3-rc7'), source);
    const [entry] = fitted === undefined ? [] : [...decodeEntries(fitted.layout, source)];
    expect(entry).toMatchObject({ key: { symbol: 7, addend: 0x40n, flags: 1 } });
  });
});

describe('names', () => {
  test.each([
    ['__stack_protector_loc', '6.12.107', '7.2.13'],
    ['__kflagstab', '6.12.107', '7.2.13'],
    ['.skey_region', '6.12.107', '7.2.13'],
    ['.amode31.text', '5.10.223', '6.1.176'],
    ['runtime_shift_d_hash_shift', '6.1.176', '6.12.107'],
  ])('%s is not known in %s, but in %s', (name, without, having) => {
    expect(s390x.specialSection(name, parseKernel(without))).toBeUndefined();
    expect(s390x.specialSection(name, parseKernel(having))).toBeDefined();
  });

  test.each([
    '.text',
    '.rodata',
    '__nospec_fixup',
    '.s390_indirect',
    '.retpoline_sites',
    '__patchable_function_entries',
  ])('%s has no row', (name) => {
    expect(s390x.specialSection(name)).toBeUndefined();
  });

  test('what patches code is what the loader and ftrace patch, and the kernel image', () => {
    const names = s390x.specialSections.flatMap(({ name, patchesCode }) =>
      patchesCode === true ? [name] : [],
    );
    expect(new Set(names)).toEqual(
      new Set([
        '.klp.rela.*',
        '__jump_table',
        '__mcount_loc',
        '.altinstructions',
        '.s390_indirect_branches',
        '.s390_indirect_jump',
        '.s390_indirect_call',
        '.s390_return_mem',
        '.s390_return_reg',
        '__stack_protector_loc',
        'runtime_ptr_*',
        'runtime_shift_*',
        'runtime_mask_*',
      ]),
    );
  });
});
