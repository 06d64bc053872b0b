import { parseConfiguration, parseKernel, type Kernel } from '@kelp/core';
import { loadModule, type LoadedModule, type LoadInput } from '@kelp/loader';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ppc64le } from '@kelp/ppc64le';
import { code, fixture, quad, toHex } from './test-image.ts';

const kernelToc = 0xc000_0000_0114_8100n;
const area = 0xc008_0000_0100_0000n;

/** Addresses for everything that a fixture imports. */
const symbols: ReadonlyMap<string, bigint> = new Map(
  [
    'ftrace_caller',
    'ftrace_regs_caller',
    'ftrace_nop_ops',
    '_mcount',
    'memcpy',
    '_printk',
    'kfree',
    'strcmp',
    '__kmalloc',
    'register_reboot_notifier',
    'unregister_reboot_notifier',
  ].map((name, index) => [name, 0xc000_0000_0020_0000n + BigInt(index) * 0x100n]),
);

function load(file: string, kernel: Kernel, more: Partial<LoadInput> = {}): LoadedModule {
  const areas = ['core', 'text', 'rodata', 'data', 'ro_after_init'].map((name, index): [string, bigint] => [
    name,
    area + BigInt(index) * 0x10_0000n,
  ]);
  const sizes: ReadonlyMap<string, bigint> = new Map(areas);
  return loadModule({
    object: fixture(file),
    architecture: ppc64le,
    kernel,
    machine: {
      pageSize: 65_536,
      smp: true,
      feature: () => undefined,
      value: (name) => (name === 'kernel-toc' ? kernelToc : undefined),
    },
    addresses: { areas: sizes },
    external: { address: (name) => symbols.get(name) ?? 0xc000_0000_0030_0000n, functionAt: () => undefined },
    perCpuAddress: 0xc000_0000_7f00_0000n,
    ...more,
  });
}

function hex({ image }: LoadedModule, section: string, offset: number, length: number): string {
  return toHex(image.read((image.section(section)?.address ?? 0n) + BigInt(offset), length));
}

function targets(loaded: LoadedModule): readonly string[] {
  const { size = 0 } = loaded.image.section('.stubs') ?? {};
  const names = new Map([...symbols].map(([name, address]) => [quad(address), name]));
  return Array.from({ length: Math.floor(size / 40) }, (_, slot) => {
    const target = hex(loaded, '.stubs', slot * 40 + 32, 8);
    return target === quad(0n) ? 'free' : (names.get(target) ?? 'sequence');
  });
}

describe('the driver for 6.1', () => {
  const loaded = load('hello-6.1.ko', parseKernel('6.1'));

  test('is accepted and lies in one area with its init code', () => {
    expect(loaded.refused).toBeUndefined();
    expect(loaded.image.sections.filter(({ init }) => init)).toEqual([]);
    expect(loaded.areas.filter(({ size }) => size > 0).map(({ name }) => name)).toEqual(['core']);
  });

  test('makes its stubs in the descending order of symbols, section after section, ftrace last', () => {
    // Symbol numbers of .text as readelf lists them: _mcount 0x43, strcmp 0x3f, _printk 0x39, kfree 0x37, memcpy 0x36;
    // then __kmalloc 0x44, register 0x3b, unregister 0x3c.
    expect(targets(loaded)).toEqual([
      '_mcount',
      'strcmp',
      '_printk',
      'kfree',
      'memcpy',
      '__kmalloc',
      'register_reboot_notifier',
      'unregister_reboot_notifier',
      'ftrace_caller',
      'ftrace_regs_caller',
      ...Array.from({ length: 6 }, () => 'free'),
    ]);
  });

  test('calls memcpy through its stub and restores r2 behind the call', () => {
    const [text = 0n, stubs = 0n] = ['.text', '.stubs'].map((name) => loaded.image.section(name)?.address);
    const distance = stubs + 4n * 40n - (text + 0x27cn);
    expect(hex(loaded, '.text', 0x27c, 8)).toBe(code(0x4800_0001 + Number(distance), 0xe841_0018));
  });

  test('calls its own function behind the global entry point', () => {
    // next_state: .text + 0x1d8, its local entry point is 8 bytes farther.
    const distance = BigInt.asUintN(26, 0x1d8n + 8n - 0x478n);
    expect(hex(loaded, '.text', 0x478, 4)).toBe(code(0x4800_0001 + Number(distance)));
  });

  test('holds the distance to its TOC in front of each function', () => {
    const [text = 0n, toc = 0n] = ['.text', '.toc'].map((name) => loaded.image.section(name)?.address);
    // R_PPC64_REL64 of .TOC. - 8 at .text + 0, with r2 0x8000 above .toc: the linker's addend is not used.
    const addend =
      fixture('hello-6.1.ko')
        .relocations(fixture('hello-6.1.ko').sections[2] ?? neverSection())
        ?.addend(0) ?? 0n;
    expect(toc % 256n).toBe(0n);
    expect(hex(loaded, '.text', 0, 8)).toBe(quad(toc + 0x8000n + addend - text));
  });

  test('calls of _mcount become nops, and their table is sorted', () => {
    expect(hex(loaded, '.text', 0x14, 4)).toBe(code(0x6000_0000));
    expect(hex(loaded, '.init.text', 0x14, 4)).toBe(code(0x6000_0000));
  });

  test('without its finalization step has no stubs for ftrace, and the call sites are as before', () => {
    const less = load('hello-6.1.ko', parseKernel('6.1'), { without: new Set(['ftrace-stubs']) });
    expect(targets(less).slice(7, 10)).toEqual(['unregister_reboot_notifier', 'free', 'free']);
    expect(hex(less, '.text', 0, 0x5cc)).toBe(hex(loaded, '.text', 0, 0x5cc));
  });
});

function neverSection(): never {
  throw new Error('no such section');
}

describe('the driver for 6.12', () => {
  test('the first of two nops at each function becomes mflr r0, the second stays', () => {
    const loaded = load('hello-6.12.ko', parseKernel('6.12'));
    expect(loaded.refused).toBeUndefined();
    const { address = 0n, size = 0 } = loaded.image.section('__patchable_function_entries') ?? {};
    const table = new DataView(loaded.image.read(address, size)?.buffer ?? new ArrayBuffer(0));
    expect(size).toBeGreaterThan(0);
    for (let offset = 0; offset < size; offset += 8) {
      const site = loaded.image.read(table.getBigUint64(offset, true), 8) ?? new Uint8Array();
      expect(Buffer.from(site).toString('hex')).toBe(code(0x7c08_02a6, 0x6000_0000));
    }
    expect(targets(loaded)).toContain('ftrace_regs_caller');
    expect(targets(loaded)).not.toContain('sequence');
  });
});

describe('the driver for 7.3', () => {
  const loaded = load('hello-7.3.ko', parseKernel('7.3'));

  test('has an out-of-line sequence for each function behind the stubs for ftrace', () => {
    expect(loaded.refused).toBeUndefined();
    const slots = targets(loaded);
    const start = (slots.indexOf('ftrace_regs_caller') + 1) * 40;
    const { address: stubs = 0n } = loaded.image.section('.stubs') ?? {};
    const caller = stubs + BigInt(slots.indexOf('ftrace_caller') * 40);
    for (let sequence = 0; sequence < 8; sequence++) {
      const place = start + sequence * 24;
      const distance = caller - (stubs + BigInt(place) + 12n);
      expect(hex(loaded, '.stubs', place, 16)).toBe(
        quad(symbols.get('ftrace_nop_ops') ?? 0n) +
          code(0x7c08_02a6, 0x4800_0001 + Number(BigInt.asUintN(26, distance))),
      );
    }
  });

  test('every byte of the stubs that is not zero has a cause', () => {
    const { image } = loaded;
    const index = image.areas.findIndex(({ area: { name } }) => name === 'text');
    const bytes = image.areas[index]?.bytes ?? new Uint8Array();
    const provenance = image.log.provenance(index, bytes.length);
    const stubs = image.section('.stubs');
    const offset = Number((stubs?.address ?? 0n) - (image.areas[index]?.address ?? 0n));
    const unexplained = [...bytes.subarray(offset, offset + (stubs?.size ?? 0))].filter(
      (byte, at) => byte !== 0 && provenance[offset + at] === 0,
    );
    expect(unexplained).toEqual([]);
  });
});

describe('a module with PPC_KERNEL_PCREL', () => {
  const configuration = parseConfiguration(
    `${readFileSync(new URL('../../testkit/fixtures/ppc64le/pcrel-6.12.config', import.meta.url), 'utf8')}\nCONFIG_SMP=y\n`,
  );
  const kernel = parseKernel('6.12', configuration);

  test('goes through stubs without a TOC and loads addresses from .mygot', () => {
    const loaded = load('pcrel-6.12.ko', kernel);
    expect(loaded.refused).toBeUndefined();
    // Descending symbols: jiffies 0x18, _printk 0x17, kfree 0x15, variable 0x11.
    expect(hex(loaded, '.stubs', 0, 40)).toBe(
      code(0x0410_0000, 0xe580_0020, 0x7d89_03a6, 0x4e80_0420, 0, 0, 0, 0x7374_7562) +
        quad(symbols.get('_printk') ?? 0n),
    );
    expect(hex(loaded, '.stubs', 72, 8)).toBe(quad(symbols.get('kfree') ?? 0n));
    expect(hex(loaded, '.mygot', 0, 8)).toBe(quad(0xc000_0000_0030_0000n));
  });

  test('is refused by a kernel without', () => {
    expect(load('pcrel-6.12.ko', parseKernel('6.12')).refused).toMatchObject({ errno: 'ENOEXEC' });
  });
});

describe('refusals', () => {
  test('a module of a kernel with .mygot needs that section', () => {
    const kernel = parseKernel('6.12', new Map([['PPC_KERNEL_PCREL', 'y']]));
    expect(load('hello-6.12.ko', kernel).refused).toMatchObject({ phase: 'layout', errno: 'ENOEXEC' });
  });

  test('an import that nobody exports', () => {
    const external = { address: () => undefined, functionAt: () => undefined };
    expect(load('hello-7.3.ko', parseKernel('7.3'), { external }).refused).toMatchObject({ errno: 'ENOENT' });
  });
});
