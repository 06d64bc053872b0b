import { parseKernel, type Kernel } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { ppc64le } from '@kelp/ppc64le';
import { ftraceTrampolines, outOfLineArea } from '../src/section-sizes.ts';
import { fixture } from './test-image.ts';

function sizeOf(file: string, section: string, kernel: Kernel): number | undefined {
  const object = fixture(file);
  const plan = ppc64le.linkage?.plan?.(object, kernel, {
    pageSize: 65_536,
    smp: false,
    feature: () => undefined,
    value: () => undefined,
  });
  return plan?.sections.get(object.section(section)?.index ?? 0)?.size;
}

// Counted by hand in the lists of readelf: pairs of symbol and addend of R_PPC64_REL24 in each section, except that a
// section's first with symbol 0 does not occur.
describe('.stubs', () => {
  test('of the driver for 6.1: 10 targets in three sections, an end mark and two stubs for ftrace', () => {
    // .text: _mcount, memcpy, _printk, kfree, strcmp, next_state. .init.text: _mcount, __kmalloc, _printk,
    // register_reboot_notifier. .exit.text: _mcount, unregister_reboot_notifier, kfree.
    expect(sizeOf('hello-6.1.ko', '.stubs', parseKernel('6.1'))).toBe((6 + 4 + 3 + 1 + 2) * 40);
  });

  test('counts less where the kernel has no ftrace', () => {
    const kernel = parseKernel('6.1', new Map([['MODULES', 'y']]));
    expect(sizeOf('hello-6.1.ko', '.stubs', kernel)).toBe((6 + 4 + 3 + 1) * 40);
    const onlyCaller = parseKernel('6.1', new Map([['DYNAMIC_FTRACE', 'y']]));
    expect(sizeOf('hello-6.1.ko', '.stubs', onlyCaller)).toBe((6 + 4 + 3 + 1 + 1) * 40);
  });

  test('counts the relocations of livepatches, too, and needs no end mark in 7.3', () => {
    // seq_printf and _printk, klp_enable_patch, two in .klp.rela.hello..text, one in .klp.rela.vmlinux..text.
    expect(sizeOf('livepatch-7.3.ko', '.stubs', parseKernel('7.3'))).toBe((2 + 1 + 2 + 1 + 2) * 40);
  });

  test('R_PPC64_REL24_NOTOC counts with PPC_KERNEL_PCREL, and so do slots of .mygot', () => {
    const kernel = parseKernel(
      '6.12',
      new Map([
        ['PPC_KERNEL_PCREL', 'y'],
        ['SMP', 'y'],
      ]),
    );
    // _printk, local_work twice but next to each other; kfree; work. The end mark.
    expect(sizeOf('pcrel-6.12.ko', '.stubs', kernel)).toBe((2 + 1 + 1 + 1) * 40);
    // jiffies and variable, the end mark. Without per-CPU data every undefined symbol counts as such: jiffies, _printk
    // and kfree of .text.
    expect(sizeOf('pcrel-6.12.ko', '.mygot', kernel)).toBe((2 + 1 + 3) * 8);
  });
});

describe('stubs for ftrace', () => {
  test('are two unless the configuration says otherwise', () => {
    expect(ftraceTrampolines(parseKernel('7.3'))).toEqual(['ftrace_caller', 'ftrace_regs_caller']);
    expect(ftraceTrampolines(parseKernel('7.3', new Map([['DYNAMIC_FTRACE', 'y']])))).toEqual([
      'ftrace_caller',
    ]);
    expect(ftraceTrampolines(parseKernel('7.3', new Map()))).toEqual([]);
  });
});

describe('out-of-line sequences', () => {
  test('have 24 bytes each and fill whole stubs', () => {
    const sites = (fixture('hello-7.3.ko').section('__patchable_function_entries')?.size ?? 0) / 8;
    expect(sites).toBe(8);
    expect(outOfLineArea(fixture('hello-7.3.ko'), parseKernel('7.3'))).toEqual({
      count: 8,
      size: 24,
      pointerSize: 8,
      stubs: 5,
    });
  });

  test('have 16 bytes without a pointer to their operations', () => {
    const kernel = parseKernel('7.3', new Map([['DYNAMIC_FTRACE', 'y']]));
    expect(outOfLineArea(fixture('hello-7.3.ko'), kernel)).toEqual({
      count: 8,
      size: 16,
      pointerSize: 0,
      stubs: 4,
    });
  });

  test.each(['6.1', '6.12'])('are not in %s', (release) => {
    expect(outOfLineArea(fixture(`hello-${release}.ko`), parseKernel(release))).toBeUndefined();
  });
});
