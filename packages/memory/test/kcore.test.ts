import { gzipSync } from 'node:zlib';
import { chmodSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openLiveKernel, type LiveKernel } from '../src/kcore.ts';
import type { LivePaths } from '../src/live-texts.ts';
import { openVmcore } from '../src/vmcore.ts';
import { elfCore } from './elf-core-file.ts';
import { refusal, refused } from './refusal.ts';
import { TemporaryFolder, withoutPrivileges } from './temporary-folder.ts';
import { ToyKernel, toyMachines, type ToyOptions } from './toy-kernel.ts';
import { toyBtf, toyModule } from './toy-module.ts';

const folder = new TemporaryFolder();

const usual: ToyOptions = {
  kallsyms: 'from base',
  dataSymbols: true,
  btf: false,
  areas: 'memory',
  address: 'behind',
};

const hex = (address: bigint): string => address.toString(16).padStart(16, '0');

/** /proc and /sys of a machine on which a toy kernel runs. */
function machine(kernel: ToyKernel, btf = true): LivePaths {
  const [proc, sys] = [folder.at('proc'), folder.at('sys')];
  folder.write('proc/kcore', kcore(kernel));
  folder.write('proc/version', 'Linux version 6.1.0-toy (builder) #1 SMP\n');
  folder.write('proc/cpuinfo', 'processor\t: 0\n');
  folder.write('proc/self/auxv', Uint8Array.of(6, 0));
  folder.write('sys/devices/system/cpu/vulnerabilities/meltdown', 'Not affected\n');
  folder.write('sys/devices/system/cpu/vulnerabilities/retbleed', 'Vulnerable\n');
  const lines = kernel.modules.map(({ name, size, base }) => `${name} ${size} 0 - Live 0x${hex(base)}\n`);
  folder.write('proc/modules', lines.toReversed().join(''));
  const symbols = kernel.symbols.map(({ name, address, type }) => `${hex(address)} ${type} ${name}\n`);
  const ofModules = kernel.modules.flatMap((module) => {
    return module.symbols.map(
      ([name, address, type]) => `${hex(address)} ${type} ${name}\t[${module.name}]\n`,
    );
  });
  folder.write('proc/kallsyms', [...symbols, ...ofModules].join(''));
  for (const { name, sections } of kernel.modules) {
    for (const [section, address] of sections)
      folder.write(`sys/module/${name}/sections/${section}`, `0x${hex(address)}\n`);
  }
  if (btf) folder.write('sys/kernel/btf/vmlinux', toyBtf(usual, kernel.machine.byteOrder));
  return { proc, sys, dev: folder.at('dev'), boot: folder.at('boot') };
}

/** The image and the modules by virtual address, as the kernel shows them. */
function kcore(kernel: ToyKernel): Uint8Array {
  const vmcore = openVmcore(folder.write('vmcore', kernel.dump()));
  const bytes = (address: bigint, size: number): Uint8Array =>
    vmcore.memory.read(address, size) ?? new Uint8Array(0);
  const image = {
    virtual: kernel.machine.image,
    physical: 0x10_0000n,
    bytes: bytes(kernel.machine.image, 1 << 20),
  };
  const physical = 2n ** 64n - 1n;
  const modules = kernel.modules.map(({ base, size }) => ({
    virtual: base,
    physical,
    bytes: bytes(base, size),
  }));
  vmcore.close();
  return elfCore({ machine: kernel.machine.machine, segments: [image, ...modules] });
}

function open(kernel: ToyKernel, btf = true): LiveKernel {
  return openLiveKernel(machine(kernel, btf));
}

const toy = new ToyKernel(toyMachines['x86, 4 levels'], usual);
const [first] = toy.modules;

describe('a running kernel', () => {
  test.each([
    ['with type information', true],
    ['without type information', false],
  ])('tells modules, sections and areas %s', (_, btf) => {
    const live = open(toy, btf);
    expect([live.kind, live.release, live.elf]).toEqual([
      'live',
      '6.1.0-toy',
      { machine: 62, byteOrder: 'little' },
    ]);
    expect(live.modules.map(({ name, base, size }) => [name, base, size])).toEqual(
      toy.modules.map(({ name, base, size }) => [name, base, size]),
    );
    const sections = toy.modules.map((module) => new Map(module.sections));
    expect(
      live.modules.map(
        (module) => new Map([...module.sections.values()].map(({ name, address }) => [name, address])),
      ),
    ).toEqual(sections);
    expect(live.modules[0]?.areas.map(({ address }) => address)).toEqual(
      [0n, 4096n, 8192n].map((offset) => (first?.base ?? 0n) + offset),
    );
    expect(live.moduleLayout?.source).toBe(btf ? 'btf' : 'inferred');
    live.close();
  });

  test('tells the per-CPU block from type information', () => {
    expect(open(toy).modules.map(({ perCpu }) => perCpu)).toEqual([
      undefined,
      { address: 0x35008n, size: 24 },
      undefined,
    ]);
  });

  test('tells the srcversion of modules that have one', () => {
    const paths = machine(toy);
    folder.write('sys/module/toy_first/srcversion', '533BB7E5866E52F63B9ACCB\n');
    const live = openLiveKernel(paths);
    expect(live.modules.map(({ srcversion }) => srcversion)).toEqual([
      '533BB7E5866E52F63B9ACCB',
      undefined,
      undefined,
    ]);
    live.close();
  });

  test('gives symbols, exports and memory', () => {
    const live = open(toy);
    expect(live.symbols.namedIn('toy_first_main', 'toy_first')).toHaveLength(1);
    expect(live.exports).toEqual(toy.exports);
    const name = (first?.structure ?? 0n) + BigInt(toyModule.name);
    expect(Buffer.from(live.memory.read(name, 9) ?? []).toString()).toBe('toy_first');
    expect(live.memory.pieces(0xffff_ffff_d000_0000n, 64)).toEqual([
      { address: 0xffff_ffff_d000_0000n, length: 64, absent: 'not-mapped' },
    ]);
  });

  test('gives texts about the machine', () => {
    const live = open(toy);
    expect(live.text('cpuinfo.txt')).toBe('processor\t: 0\n');
    expect(live.text('vulnerabilities.txt')).toBe('meltdown: Not affected\nretbleed: Vulnerable\n');
    expect([live.text('dmesg.txt'), live.text('cmdline')]).toEqual([undefined, undefined]);
    expect(Uint8Array.from(live.auxiliaryVector() ?? [])).toEqual(Uint8Array.of(6, 0));
  });

  test('may know nothing of vulnerabilities', () => {
    const paths = machine(toy);
    rmSync(folder.at('sys/devices'), { recursive: true });
    expect(openLiveKernel(paths).text('vulnerabilities.txt')).toBeUndefined();
  });

  test('a module that went away while it was read has no sections', () => {
    const paths = machine(toy);
    rmSync(folder.at('sys/module/toy_third'), { recursive: true });
    const { modules } = openLiveKernel(paths);
    expect([modules[2]?.sections.size, modules[2]?.areas, modules[0]?.sections.size]).toEqual([0, [], 6]);
  });

  test('areas of another module at the same place are not taken', () => {
    const paths = machine(toy);
    folder.write('proc/modules', `toy_other 4096 0 - Live 0x${hex(first?.base ?? 0n)}\n`);
    folder.write(
      'sys/module/toy_other/sections/.gnu.linkonce.this_module',
      `0x${hex(first?.structure ?? 0n)}\n`,
    );
    expect(openLiveKernel(paths).modules[0]?.areas).toEqual([]);
  });
});

function asUser(paths: LivePaths): LiveKernel {
  chmodSync(folder.path, 0o755);
  return withoutPrivileges(() => openLiveKernel(paths));
}

describe('without permission', () => {
  test('kcore cannot be opened', () => {
    const paths = machine(toy);
    chmodSync(folder.at('proc/kcore'), 0o400);
    expect(refusal(() => asUser(paths))).toEqual(
      refused('memory/permission', /needs root.*not locked down/u, folder.at('proc/kcore')),
    );
  });

  test('section addresses cannot be read', () => {
    const paths = machine(toy);
    const path = folder.at('sys/module/toy_first/sections/.data');
    chmodSync(path, 0o400);
    expect(refusal(() => asUser(paths))).toEqual(refused('memory/permission', /permission denied/u, path));
  });

  test('addresses of modules are hidden', () => {
    const paths = machine(toy);
    folder.write('proc/modules', 'toy_first 4096 0 - Live 0x0000000000000000\n');
    expect(refusal(() => openLiveKernel(paths))).toEqual(
      refused('memory/hidden-addresses', /kptr_restrict/u, folder.at('proc/modules')),
    );
  });

  test('addresses of symbols are hidden', () => {
    const paths = machine(toy);
    folder.write('proc/kallsyms', '0000000000000000 T _stext\n');
    const live = openLiveKernel(paths);
    expect(refusal(() => live.symbols)).toEqual(
      refused('memory/hidden-addresses', /kptr_restrict/u, folder.at('proc/kallsyms')),
    );
  });

  test('addresses of sections are hidden', () => {
    const paths = machine(toy);
    for (const [section] of first?.sections ?? [])
      folder.write(`sys/module/toy_first/sections/${section}`, '0x0000000000000000\n');
    expect(refusal(() => openLiveKernel(paths))).toEqual(
      refused('memory/hidden-addresses', /every section/u, folder.at('sys/module/toy_first/sections')),
    );
  });
});

describe('texts about the machine', () => {
  test('a record of /dev/kmsg becomes a line as dmesg prints it', () => {
    const paths = machine(toy);
    folder.write(
      'dev/kmsg',
      '30,339,5140900,-;Linux version 6.1.0-toy\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP\n',
    );
    expect(openLiveKernel(paths).text('dmesg.txt')).toBe('<6>[    5.140900] Linux version 6.1.0-toy\n');
  });

  test('the configuration of the kernel itself, or of the file beside it', () => {
    const paths = machine(toy);
    expect(openLiveKernel(paths).text('config')).toBeUndefined();
    folder.write('boot/config-6.1.0-toy', 'CONFIG_SMP=y\n');
    expect(openLiveKernel(paths).text('config')).toBe('CONFIG_SMP=y\n');
    folder.write('proc/config.gz', gzipSync('CONFIG_SMP=n\n'));
    expect(openLiveKernel(paths).text('config')).toBe('CONFIG_SMP=n\n');
  });

  test('without such a file there are no messages', () => {
    const paths = machine(toy);
    expect(openLiveKernel(paths).text('dmesg.txt')).toBeUndefined();
  });
});

describe('a machine that cannot be read', () => {
  test('because there is no kcore', () => {
    const paths = machine(toy);
    rmSync(folder.at('proc/kcore'));
    expect(refusal(() => openLiveKernel(paths))).toEqual(
      refused('memory/no-kcore', /CONFIG_PROC_KCORE/u, folder.at('proc/kcore')),
    );
  });

  test('because procfs is not mounted', () => {
    const none = folder.at('none');
    expect(refusal(() => openLiveKernel({ proc: none, sys: none, dev: none, boot: none }))).toEqual(
      refused('memory/not-found'),
    );
  });

  test('because kcore has physical addresses only', () => {
    const paths = machine(toy);
    folder.write('proc/kcore', elfCore({ segments: [{ physical: 0n, bytes: new Uint8Array(16) }] }));
    expect(refusal(() => openLiveKernel(paths))).toEqual(refused('memory/not-a-dump', /virtual/u));
  });

  test('because a section has no address', () => {
    const paths = machine(toy);
    const path = folder.write('sys/module/toy_first/sections/.text', 'hello\n');
    expect(refusal(() => openLiveKernel(paths))).toEqual(
      refused('memory/damaged-section', /"hello" is no address/u, path),
    );
  });
});
