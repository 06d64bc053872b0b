import {
  appliesTo,
  decodeEntries,
  fitLayout,
  layoutFor,
  parseKernel,
  type EntrySource,
  type SpecialSection,
} from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { x86 } from '../src/index.ts';

const releases = ['5.10.223', '6.1.0-50-amd64', '6.12.107+deb13-amd64', '7.2.13', '7.3-rc7'] as const;

function rowOf(name: string, release: string): SpecialSection {
  const row = x86.specialSection(name, parseKernel(release));
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
    ['.altinstructions', [12, 12, 14, 14, 14]],
    ['.parainstructions', [16, 16, undefined, undefined, undefined]],
    ['.smp_locks', [4, 4, 4, 4, undefined]],
    ['.retpoline_sites', [4, 4, 4, 4, 4]],
    ['.return_sites', [4, 4, 4, 4, 4]],
    ['.call_sites', [undefined, undefined, 4, 4, 4]],
    ['.ibt_endbr_seal', [undefined, 4, 4, 4, 4]],
    ['.cfi_sites', [undefined, undefined, 4, 4, 4]],
    ['__kcfi_traps', [undefined, 4, 4, 4, 4]],
    ['.static_call_sites', [8, 8, 8, 8, 8]],
    ['.static_call_tramp_key', [8, 8, 8, 8, 8]],
    ['__jump_table', [16, 16, 16, 16, 16]],
    ['__ex_table', [12, 12, 12, 12, 12]],
    ['__bug_table', [12, 12, 12, 16, 16]],
    ['.orc_unwind', [6, 6, 6, 6, 6]],
    ['.orc_unwind_ip', [4, 4, 4, 4, 4]],
    ['.orc_header', [undefined, undefined, 20, 20, 20]],
    ['__mcount_loc', [8, 8, 8, 8, 8]],
    ['__patchable_function_entries', [undefined, undefined, 8, 8, 8]],
    ['__ksymtab', [12, 12, 12, 12, 12]],
    ['__ksymtab_gpl', [12, 12, 12, undefined, undefined]],
    ['__kcrctab', [4, 4, 4, 4, 4]],
    ['__kflagstab', [undefined, undefined, undefined, 1, 1]],
    ['__tracepoints_ptrs', [4, 4, 4, 4, 4]],
    ['__param', [40, 40, 40, 40, 40]],
    ['__versions', [64, 64, 64, 64, 64]],
    ['__version_ext_crcs', [undefined, undefined, undefined, 4, 4]],
    ['__dyndbg', [56, 56, 56, 56, 56]],
    ['__dyndbg_classes', [undefined, 56, 56, 56, 56]],
    ['__bpf_raw_tp_map', [32, 32, 32, 32, 32]],
    ['.pci_fixup_final', [16, 16, 16, 16, 16]],
    ['_error_injection_whitelist', [16, 16, 16, 16, 16]],
    ['.init.klp_objects', [undefined, undefined, undefined, 64, 64]],
    ['.codetag.alloc_tags', [undefined, undefined, undefined, 40, 40]],
  ])('%s', (name, sizes) => {
    const found = releases.map((release) => {
      const kernel = parseKernel(release);
      const row = x86.specialSection(name, kernel);
      return row === undefined ? undefined : layoutFor(row, kernel)?.size;
    });
    expect(found).toEqual(sizes);
  });

  test('a row with layouts has one in each kernel whose modules carry the section', () => {
    const missing = releases.flatMap((release) => {
      const kernel = parseKernel(release);
      const rows = x86.specialSections.filter(
        (row) => row.layouts.length > 0 && appliesTo(row.applies, kernel),
      );
      return rows
        .filter((row) => layoutFor(row, kernel) === undefined)
        .map((row) => `${row.name} in ${release}`);
    });
    expect(missing).toEqual([]);
  });
});

describe('names', () => {
  test.each([
    ['.klp.rela.ext4..text', '.klp.rela.*'],
    ['.pci_fixup_resume_early', '.pci_fixup_*'],
    ['.discard.addressable', '.discard.*'],
    ['runtime_ptr_dentry_hashtable', 'runtime_ptr_*'],
  ])('%s is matched by %s', (name, pattern) => {
    expect(rowOf(name, '7.3').name).toBe(pattern);
  });

  test.each([
    '.text',
    '.rodata',
    '.altinstructions2',
    '.note.GNU-stack',
    '__ftr_fixup',
    '.s390_indirect_jump',
    '.plt',
    '.toc',
  ])('%s has no row', (name) => {
    expect(x86.specialSection(name)).toBeUndefined();
  });

  test('a section that is gone is known without a kernel and unknown in it', () => {
    expect(x86.specialSection('.smp_locks')).toBeDefined();
    expect(x86.specialSection('.smp_locks', parseKernel('7.3'))).toBeUndefined();
  });
});

describe('entries', () => {
  test('.altinstructions of 6.12: fields of the 14-byte entry', () => {
    const kernel = parseKernel('6.12');
    const source = tableOf('00000000 00000000 1502 0100 05 03', [0, 4]);
    const fit = fitLayout(rowOf('.altinstructions', '6.12'), kernel, source);
    expect(fit).toMatchObject({ count: 1, foreign: false });
    expect([...decodeEntries(fit?.layout ?? never(), source)]).toEqual([
      {
        instrOffset: { symbol: 1, addend: 0n, flags: 0 },
        replOffset: { symbol: 1, addend: 64n, flags: 0 },
        cpuid: 0x215,
        flags: 1,
        instrlen: 5,
        replacementlen: 3,
      },
    ]);
  });

  test('.parainstructions of 5.10: the last entry is four bytes short', () => {
    const entry = '0000000000000000 2a 06 0000';
    const source = tableOf(`${entry} 00000000 ${entry}`, [0, 16]);
    const fit = fitLayout(rowOf('.parainstructions', '5.10.223'), parseKernel('5.10.223'), source);
    expect(fit).toMatchObject({ count: 2, foreign: false });
    expect([...decodeEntries(fit?.layout ?? never(), source)]).toMatchObject([
      { type: 0x2a, len: 6 },
      { type: 0x2a, len: 6 },
    ]);
    expect(fitLayout(rowOf('.parainstructions', '6.1'), parseKernel('6.1'), source)).toMatchObject({
      foreign: true,
    });
  });

  test('__jump_table and .static_call_sites: the two low bits of the key are flags', () => {
    const source: EntrySource = {
      bytes: new Uint8Array(16),
      byteOrder: 'little',
      relocationAt: (offset) => ({ symbol: 7, addend: offset === 8 ? 0x2bn : 0x10n }),
    };
    const jump = rowOf('__jump_table', '6.1').layouts[0] ?? never();
    expect([...decodeEntries(jump, source)]).toMatchObject([{ key: { symbol: 7, addend: 0x28n, flags: 3 } }]);
    const call = rowOf('.static_call_sites', '6.1').layouts[0] ?? never();
    expect([
      ...decodeEntries(call, { ...source, relocationAt: () => ({ symbol: 7, addend: 0x1dn }) }),
    ]).toMatchObject([{ key: { addend: 0x1cn, flags: 1 } }, { key: { addend: 0x1cn, flags: 1 } }]);
  });

  test('__ex_table of 5.10 names a handler, later ones carry data', () => {
    const older = tableOf('00'.repeat(12), [0, 4, 8]);
    const newer = tableOf('0000000000000000 04001200', [0, 4]);
    const handler = fitLayout(rowOf('__ex_table', '5.10.223'), parseKernel('5.10.223'), older);
    expect(Object.keys(handler?.layout.fields ?? {})).toEqual(['insn', 'fixup', 'handler']);
    const data = fitLayout(rowOf('__ex_table', '6.1'), parseKernel('6.1'), newer);
    expect([...decodeEntries(data?.layout ?? never(), newer)]).toMatchObject([{ data: 0x120004 }]);
    expect(fitLayout(rowOf('__ex_table', '5.10.223'), parseKernel('5.10.223'), newer)).toMatchObject({
      foreign: true,
    });
  });

  test('__bug_table: bytes decide between releases that were not checked', () => {
    const withFormat = tableOf('00'.repeat(12) + '2a000500', [0, 4, 8]);
    const fit = fitLayout(rowOf('__bug_table', '6.19'), parseKernel('6.19'), withFormat);
    expect(fit).toMatchObject({ count: 1, foreign: true });
    expect([...decodeEntries(fit?.layout ?? never(), withFormat)]).toMatchObject([{ line: 42, flags: 5 }]);
  });

  test('a table that no layout fits is found out', () => {
    expect(
      fitLayout(rowOf('.retpoline_sites', '7.3'), parseKernel('7.3'), tableOf('000000000000', [0])),
    ).toBeUndefined();
    expect(
      fitLayout(rowOf('.retpoline_sites', '7.3'), parseKernel('7.3'), tableOf('00000000', [])),
    ).toBeUndefined();
  });

  test('__param: the argument may be null', () => {
    const source = tableOf('00'.repeat(40), [0, 8, 16]);
    expect(fitLayout(rowOf('__param', '6.1'), parseKernel('6.1'), source)).toMatchObject({
      count: 1,
      foreign: false,
    });
  });
});

function never(): never {
  throw new Error('no layout was found');
}
