import { describe, expect, it } from 'vitest';
import { decodeEntries, fitLayout, layoutFor, parseKernel, type EntrySource } from '@kelp/core';
import { ppc64le } from '@kelp/ppc64le';

function row(name: string, release = '7.3') {
  const found = ppc64le.specialSection(name, parseKernel(release));
  if (found === undefined) throw new Error(`no row for ${name} in ${release}`);
  return found;
}

function sizeOf(name: string, release: string): number | undefined {
  return layoutFor(row(name, release), parseKernel(release))?.size;
}

/** A section of zero bytes with relocations at some offsets. */
function zeros(size: number, ...relocations: readonly number[]): EntrySource {
  const relocationAt = (offset: number) =>
    relocations.includes(offset) ? { symbol: 1, addend: BigInt(offset) + 0x100n } : undefined;
  return { bytes: new Uint8Array(size), byteOrder: 'little', relocationAt };
}

describe('entry sizes by kernel', () => {
  it.each([
    ['__jump_table', { '5.10': 24, '5.13': 16, '6.1': 16, '7.3': 16 }],
    ['__bug_table', { '5.10': 24, '6.1': 12, '6.12': 12, '7.3': 12 }],
    ['__ex_table', { '5.10': 8, '7.3': 8 }],
    ['__mcount_loc', { '5.10': 8, '6.1': 8 }],
    ['__patchable_function_entries', { '6.12': 8, '7.3': 8 }],
    ['__ftr_fixup', { '5.10': 48, '7.3': 48 }],
    ['__mmu_ftr_fixup', { '5.10': 48, '7.3': 48 }],
    ['__fw_ftr_fixup', { '5.10': 48, '7.3': 48 }],
    ['__lwsync_fixup', { '5.10': 8, '7.3': 8 }],
    ['__barrier_nospec_fixup', { '5.10': 8, '7.3': 8 }],
    ['__btb_flush_fixup', { '5.10': 16, '7.3': 16 }],
    ['__rfi_flush_fixup', { '5.10': 8, '7.3': 8 }],
    ['.toc', { '5.10': 8, '7.3': 8 }],
    ['__ksymtab', { '5.10': 24, '7.3': 24 }],
    ['__ksymtab_gpl', { '5.10': 24, '6.12': 24 }],
    ['__tracepoints_ptrs', { '5.10': 8, '7.3': 8 }],
    ['__param', { '5.10': 40, '7.3': 40 }],
  ])('of %s', (name, sizes) => {
    for (const [release, size] of Object.entries(sizes))
      expect([release, sizeOf(name, release)]).toEqual([release, size]);
  });

  it.each(['.stubs', '.sfpr', '__ftr_alt_97', '.opd', '__soft_mask_table'])('%s has no entries', (name) => {
    expect(row(name).layouts).toEqual([]);
  });
});

describe('rows by kernel', () => {
  it.each([
    ['__patchable_function_entries', '6.1', '6.12'],
    ['.mygot', '6.3', '6.4'],
    ['__restart_table', '5.10', '6.1'],
  ])('%s is not in %s but in %s', (name, without, withIt) => {
    expect(ppc64le.specialSection(name, parseKernel(without))).toBeUndefined();
    expect(ppc64le.specialSection(name, parseKernel(withIt))?.name).toBe(name);
  });

  it('knows .ftrace.tramp in 6.1 and not in 6.12', () => {
    expect(row('.ftrace.tramp', '6.1').phase).toBe('never');
    expect(ppc64le.specialSection('.ftrace.tramp', parseKernel('6.12'))).toBeUndefined();
  });

  it.each(['.altinstructions', '.smp_locks', '.static_call_sites', '.plt', '.text', '__ftr_fixup2'])(
    'has none for %s',
    (name) => {
      expect(ppc64le.specialSection(name)).toBeUndefined();
    },
  );

  it('says that modules are never patched through __barrier_nospec_fixup', () => {
    expect(row('__barrier_nospec_fixup')).toMatchObject({ phase: 'never' });
    expect(row('__barrier_nospec_fixup').consumer).toBeUndefined();
  });
});

describe('feature fixups', () => {
  it('count from the start of the entry', () => {
    const kernel = parseKernel('6.1');
    const source = zeros(48, 16, 24, 32, 40);
    const fitted = fitLayout(row('__ftr_fixup', '6.1'), kernel, source);
    expect(fitted).toMatchObject({ count: 1, foreign: false });
    const [entry] = fitted === undefined ? [] : decodeEntries(fitted.layout, source);
    const target = { symbol: 1, addend: 0x100n, flags: 0 };
    expect(entry).toEqual({
      mask: 0n,
      value: 0n,
      startOff: target,
      endOff: target,
      altStartOff: target,
      altEndOff: target,
    });
  });

  it('do not fit without a relocation in each offset', () => {
    expect(fitLayout(row('__ftr_fixup'), parseKernel('7.3'), zeros(48, 16, 24, 32))).toBeUndefined();
    expect(fitLayout(row('__ftr_fixup'), parseKernel('7.3'), zeros(47, 16, 24, 32, 40))).toBeUndefined();
  });
});

describe('a table whose layout is of another kernel', () => {
  it('is read with the layout that fits', () => {
    const relative = zeros(16, 0, 4, 8);
    expect(fitLayout(row('__jump_table', '5.12'), parseKernel('5.12'), relative)).toMatchObject({
      count: 1,
      foreign: true,
    });
    expect(fitLayout(row('__jump_table', '5.13'), parseKernel('5.13'), relative)).toMatchObject({
      count: 1,
      foreign: false,
    });
  });
});
