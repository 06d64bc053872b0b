import {
  decodeEntries,
  fitLayout,
  layoutFor,
  parseKernel,
  type EntrySource,
  type SpecialSection,
} from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { arm64 } from '../src/index.ts';

const releases = ['5.10.223', '6.1.0-50-arm64', '6.12.107+deb13-arm64', '7.2.13', '7.3-rc7'] as const;

function rowOf(name: string, release: string): SpecialSection {
  const row = arm64.specialSection(name, parseKernel(release));
  if (row === undefined) throw new Error(`no row knows ${name} in ${release}`);
  return row;
}

/** Bytes of a table with a relocation against symbol 1 at each of the offsets; the addend is the offset times 16. */
function tableOf(bytes: string, relocated: readonly number[]): EntrySource {
  const places = new Set(relocated);
  return {
    bytes: Uint8Array.from(Buffer.from(bytes.replaceAll(' ', ''), 'hex')),
    byteOrder: 'little',
    relocationAt: (offset) => (places.has(offset) ? { symbol: 1, addend: BigInt(offset) * 16n } : undefined),
  };
}

describe('entry sizes by kernel', () => {
  // 5.10, 6.1, 6.12, 7.2, 7.3; undefined where modules do not have the section.
  test.each<readonly [string, readonly (number | undefined)[]]>([
    ['.altinstructions', [12, 12, 12, 12, 12]],
    ['__jump_table', [16, 16, 16, 16, 16]],
    ['__ex_table', [8, 12, 12, 12, 12]],
    ['__bug_table', [12, 12, 12, 12, 12]],
    ['__patchable_function_entries', [8, 8, 8, 8, 8]],
    ['__kcfi_traps', [undefined, 4, 4, 4, 4]],
    ['runtime_ptr_dentry_hashtable', [undefined, undefined, 4, 4, 4]],
    ['runtime_shift_d_hash_shift', [undefined, undefined, 4, 4, 4]],
    ['runtime_mask_any', [undefined, undefined, undefined, undefined, 4]],
    ['__ksymtab', [12, 12, 12, 12, 12]],
    ['__ksymtab_gpl', [12, 12, 12, undefined, undefined]],
    ['__kflagstab', [undefined, undefined, undefined, 1, 1]],
    ['__tracepoints_ptrs', [4, 4, 4, 4, 4]],
    ['.pci_fixup_final', [16, 16, 16, 16, 16]],
    ['__param', [40, 40, 40, 40, 40]],
  ])('%s', (name, sizes) => {
    const found = releases.map((release) => {
      const kernel = parseKernel(release);
      const row = arm64.specialSection(name, kernel);
      return row === undefined ? undefined : layoutFor(row, kernel)?.size;
    });
    expect(found).toEqual(sizes);
  });

  test('the exception table changes with 5.16', () => {
    expect(layoutFor(rowOf('__ex_table', '5.15.199'), parseKernel('5.15.199'))?.size).toBe(8);
    expect(layoutFor(rowOf('__ex_table', '5.16'), parseKernel('5.16'))?.size).toBe(12);
  });
});

describe('entries', () => {
  test('an alternative and a callback', () => {
    // cpucap 5, 4 bytes each; capability 37 with the callback bit, 4 bytes of original, none of replacement.
    const source = tableOf('00000000 00000000 0500 04 04  00000000 00000000 2580 04 00', [0, 4, 12, 16]);
    const fitted = fitLayout(rowOf('.altinstructions', '6.12'), parseKernel('6.12'), source);
    expect(fitted).toMatchObject({ count: 2, foreign: false });
    expect(fitted === undefined ? [] : [...decodeEntries(fitted.layout, source)]).toEqual([
      {
        origOffset: { symbol: 1, addend: 0n, flags: 0 },
        altOffset: { symbol: 1, addend: 64n, flags: 0 },
        cpucap: 5,
        origLen: 4,
        altLen: 4,
      },
      {
        origOffset: { symbol: 1, addend: 192n, flags: 0 },
        altOffset: { symbol: 1, addend: 256n, flags: 0 },
        cpucap: 0x8025,
        origLen: 4,
        altLen: 0,
      },
    ]);
  });

  test('an exception entry of another release is recognized by its bytes', () => {
    const kernel = parseKernel('6.1');
    const row = rowOf('__ex_table', '6.1');
    const typed = tableOf('00000000 00000000 0300 4100', [0, 4]);
    expect(fitLayout(row, kernel, typed)).toMatchObject({ count: 1, foreign: false });
    const older = tableOf('00000000 00000000 00000000 00000000', [0, 4, 8, 12]);
    expect(fitLayout(row, kernel, older)).toMatchObject({ count: 2, foreign: true });
  });

  test('a table with half an entry fits no layout', () => {
    expect(
      fitLayout(rowOf('.altinstructions', '7.3'), parseKernel('7.3'), tableOf('000000000000', [0, 4])),
    ).toBeUndefined();
  });
});

describe('the trampoline of init text', () => {
  // Mainline 6.17; taken over by the stable series of 6.6, 6.12 and 6.16.
  test.each([
    ['6.1.176', false],
    ['6.5.13', false],
    ['6.6.104', false],
    ['6.6.105', true],
    ['6.7', false],
    ['6.12.45', false],
    ['6.12.46', true],
    ['6.12.0-1-arm64', true],
    ['6.16.5', false],
    ['6.16.6', true],
    ['6.17', true],
    ['7.3-rc7', true],
  ])('%s: %s', (release, has) => {
    expect(arm64.specialSection('.init.text.ftrace_trampoline', parseKernel(release)) !== undefined).toBe(
      has,
    );
  });
});

describe('names', () => {
  test.each([
    '.text',
    '.rodata',
    '.smp_locks',
    '.orc_unwind',
    '.static_call_sites',
    '__mcount_loc',
    '__ftr_fixup',
    '.s390_return_reg',
  ])('no row knows %s', (name) => {
    expect(arm64.specialSection(name)).toBeUndefined();
  });

  test('sections of linkage and of the kernel image', () => {
    expect(rowOf('.plt', '6.1').consumer?.symbol).toBe('module_frob_arch_sections');
    expect(rowOf('.hyp.text', '6.1').name).toBe('.hyp.*');
    expect(arm64.specialSection('.init.eh_frame', parseKernel('6.1'))).toBeUndefined();
    expect(rowOf('.init.eh_frame', '6.2').patchesCode).toBe(true);
  });
});
