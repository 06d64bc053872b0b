import { describe, expect, test } from 'vitest';
import { x86AddressSpace } from '../src/address-space-x86.ts';
import type { KernelSnapshot } from '../src/kernel-snapshot.ts';
import { inferPerCpu } from '../src/module-inference.ts';
import { KernelReader } from '../src/kernel-reader.ts';
import { openVmcore, type Vmcore } from '../src/vmcore.ts';
import { elfCore } from './elf-core-file.ts';
import { kdumpFile, type TestPage } from './kdump-file.ts';
import { refusal, refused } from './refusal.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import {
  release,
  ToyKernel,
  toyMachines,
  toySrcversion,
  type ToyMachine,
  type ToyOptions,
} from './toy-kernel.ts';
import { toyModule } from './toy-module.ts';

const folder = new TemporaryFolder();

/** As 6.1 of x86 is built. */
const usual: ToyOptions = {
  kallsyms: 'from base',
  dataSymbols: true,
  btf: true,
  areas: 'layout',
  address: 'behind',
};

function toy(
  machine: ToyMachine = toyMachines['x86, 4 levels'],
  options: Partial<ToyOptions> = {},
): ToyKernel {
  return new ToyKernel(machine, { ...usual, ...options });
}

function open(dump: Uint8Array): Vmcore {
  return openVmcore(folder.write('vmcore', dump));
}

function inOrder(exports: ReadonlyMap<string, bigint>): [string, bigint][] {
  return [...exports].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** What a dump must tell, in a form to compare. */
function factsOf({ release: name, modules, symbols, exports }: KernelSnapshot): unknown {
  return {
    release: name,
    modules: modules.map((module) => ({
      name: module.name,
      state: module.state,
      base: module.base,
      size: module.size,
      sections: [...module.sections.values()].map((section) => [section.name, section.address]),
    })),
    symbols: [...symbols]
      .filter(({ type }) => type !== '?')
      .map((symbol) => [symbol.name, symbol.address, symbol.type, symbol.module]),
    exports: inOrder(exports ?? new Map()),
  };
}

function expectedOf(kernel: ToyKernel): unknown {
  return {
    release,
    modules: kernel.modules.map(({ name, base, size, sections }) => ({
      name,
      state: 'live',
      base,
      size,
      sections,
    })),
    symbols: [
      ...kernel.symbols.map(({ name, address, type }) => [name, address, type, undefined]),
      ...kernel.modules.flatMap((module) => module.symbols.map((symbol) => [...symbol, module.name])),
    ],
    exports: inOrder(kernel.exports),
  };
}

describe.each(Object.entries(toyMachines))('a dump of %s', (_, machine: ToyMachine) => {
  test('tells symbols, modules, sections and exports', () => {
    const kernel = toy(machine);
    const vmcore = open(kernel.dump());
    expect(factsOf(vmcore)).toEqual(expectedOf(kernel));
    expect([vmcore.elf, vmcore.moduleLayout?.source]).toEqual([
      { machine: machine.machine, byteOrder: machine.byteOrder },
      'btf',
    ]);
  });

  test('tells the same without data symbols and type information', () => {
    const kernel = toy(machine, { dataSymbols: false, btf: false });
    const vmcore = open(kernel.dump());
    expect(factsOf(vmcore)).toEqual(expectedOf(kernel));
    expect([vmcore.moduleLayout?.source, vmcore.types]).toEqual(['inferred', undefined]);
  });

  test('without data symbols, type information is found in the image', () => {
    const vmcore = open(toy(machine, { dataSymbols: false }).dump());
    expect(vmcore.moduleLayout?.source).toBe('btf');
  });
});

describe('kernels of other forms', () => {
  test.each<[string, Partial<ToyOptions>]>([
    ['6.4: typed memory areas', { areas: 'memory' }],
    [
      '7.3: addresses in private pointers',
      { areas: 'memory', address: 'private', kallsyms: 'from own place' },
    ],
    ['x86 up to 6.14: absolute per-CPU symbols', { kallsyms: 'from base, absolute per-CPU' }],
  ])('%s', (_, options) => {
    for (const known of [true, false]) {
      const kernel = toy(undefined, { ...options, dataSymbols: known, btf: known });
      expect(factsOf(open(kernel.dump()))).toEqual(expectedOf(kernel));
    }
  });

  test('memory areas have the names of the kernel', () => {
    const { modules } = open(toy(undefined, { areas: 'memory' }).dump());
    expect(modules[0]?.areas.map(({ name }) => name)).toEqual(['MOD_TEXT', 'MOD_DATA', 'MOD_RODATA']);
    expect(open(toy().dump()).modules[0]?.areas.map(({ name }) => name)).toEqual(['core']);
  });
});

describe('the per-CPU block of a module', () => {
  test('is known from type information', () => {
    const { modules } = open(toy().dump());
    expect(modules.map(({ perCpu }) => perCpu)).toEqual([
      undefined,
      { address: 0x35008n, size: 24 },
      undefined,
    ]);
  });

  test('can be found by the sizes of per-CPU sections', () => {
    const { elf, memory, moduleStructures, modules } = open(toy(undefined, { btf: false }).dump());
    expect(modules[1]?.perCpu).toBeUndefined();
    const reader = new KernelReader(memory, elf?.byteOrder ?? 'little');
    const sizes = (second: number): Map<bigint, number> => {
      return new Map(moduleStructures.map((address, index) => [address, index === 1 ? second : 0]));
    };
    expect(inferPerCpu(reader, sizes(24))).toEqual({ base: toyModule.perCpu, size: toyModule.perCpuSize });
    expect(inferPerCpu(reader, sizes(25))).toBeUndefined();
    expect(inferPerCpu(reader, sizes(0))).toBeUndefined();
  });
});

test('the srcversion of a module that has one', () => {
  const checksums = [undefined, toySrcversion, undefined];
  expect(open(toy().dump()).modules.map(({ srcversion }) => srcversion)).toEqual(checksums);
});

describe('VMCOREINFO', () => {
  test('is found in memory where no note has it', () => {
    const kernel = toy();
    kernel.keepInformation();
    expect(factsOf(open(kernel.dump([])))).toEqual(expectedOf(kernel));
  });

  test('is found through the lowcore of s390x', () => {
    const kernel = toy(toyMachines.s390x);
    kernel.pointToInformation();
    expect(factsOf(open(kernel.dump([])))).toEqual(expectedOf(kernel));
  });

  test('of another kernel is passed over', () => {
    const kernel = toy();
    kernel.keepInformation();
    const other = Buffer.from('OSRELEASE=5.10.0\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffff82000000\n');
    const vmcore = open(kernel.dump([{ name: 'VMCOREINFO', description: other }]));
    expect(vmcore.release).toBe(release);
  });

  test('is missed where it is nowhere', () => {
    expect(refusal(() => open(toy().dump([])))).toEqual(
      refused('memory/no-vmcoreinfo', /no VMCOREINFO/u, folder.at('vmcore')),
    );
  });
});

test('the release and version of the kernel make its banner', () => {
  const vmcore = open(toy().dump());
  expect(vmcore.text('version')).toBe('Linux version 6.1.0-toy #1 SMP Toy 6.1.7-1\n');
  expect([vmcore.text('cmdline'), vmcore.text('cpuinfo.txt'), vmcore.auxiliaryVector()]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(vmcore.pageSize).toBe(4096);
});

/** The pages of a kernel that are not empty, those left out for which `left` says no. */
function frames(kernel: ToyKernel, left: (frame: number) => boolean = () => true): TestPage[] {
  const { bytes } = kernel.memory;
  const pages = Array.from({ length: bytes.length / 4096 }, (_, frame) => ({
    frame,
    bytes: bytes.subarray(frame * 4096, (frame + 1) * 4096),
  }));
  return pages.filter(({ frame, bytes: page }) => left(frame) && page.some((byte) => byte !== 0));
}

function compressed(kernel: ToyKernel, machine: string, pages: readonly TestPage[]): Uint8Array {
  const vmcoreInfo = Buffer.from(kernel.information).toString();
  const { byteOrder } = kernel.machine;
  return kdumpFile({ byteOrder, machine, frames: 2048, pages, vmcoreInfo });
}

describe('other kinds of dumps', () => {
  test.each([
    ['x86_64', toyMachines['x86, 4 levels']],
    ['Unknown', toyMachines['x86, 4 levels']],
    ['s390x', toyMachines.s390x],
    ['Unknown', toyMachines.s390x],
  ])('a kdump-compressed dump of a machine called %s', (name, machine) => {
    const kernel = toy(machine);
    const vmcore = open(compressed(kernel, name, frames(kernel)));
    expect(factsOf(vmcore)).toEqual(expectedOf(kernel));
    expect(vmcore.elf?.machine).toBe(machine.machine);
  });

  test('a dump by virtual addresses alone', () => {
    const kernel = toy();
    const physical = 2n ** 64n - 1n;
    const { memory } = open(kernel.dump());
    const part = (virtual: bigint): { virtual: bigint; physical: bigint; bytes: Uint8Array } => {
      return { virtual, physical, bytes: memory.read(virtual, 4096) ?? new Uint8Array(0) };
    };
    const image = Array.from({ length: 200 }, (_, page) => part(kernel.machine.image + BigInt(page * 4096)));
    const areas = kernel.modules.flatMap(({ base }) => [
      part(base),
      part(base + 0x1000n),
      part(base + 0x2000n),
    ]);
    const notes = [{ name: 'VMCOREINFO', description: kernel.information }];
    const vmcore = open(elfCore({ machine: 62, segments: [...image, ...areas], notes }));
    expect([factsOf(vmcore), vmcore.pageTables]).toEqual([expectedOf(kernel), undefined]);
  });

  test('a dump that lacks a page that is needed', () => {
    const kernel = toy();
    const tables = kernel.modules.map(({ structure }) => structure);
    const place = open(kernel.dump()).pageTables?.translate(tables[1] ?? 0n);
    const missing = place !== undefined && 'physical' in place ? Number(place.physical / 4096n) : 0;
    const dump = compressed(
      kernel,
      'x86_64',
      frames(kernel, (frame) => frame !== missing),
    );
    expect(refusal(() => open(dump))).toEqual(
      refused('memory/absent', /module.*not-mapped/u, folder.at('vmcore')),
    );
  });
});

test('the page tables of the CPU lead to the kernel where VMCOREINFO does not tell', () => {
  const kernel = toy();
  const text = Buffer.from(kernel.information).toString();
  const information = Buffer.from(text.replace(/SYMBOL\(swapper_pg_dir\)=.*\n/u, ''));
  const vmcore = open(kernel.dump());
  const state = Buffer.alloc(440);
  // The user's tables lie behind the kernel's, with an address-space identifier in the low bits.
  state.writeBigUInt64LE((vmcore.pageTables?.root ?? 0n) | 0x1002n, 416);
  const notes = [
    { name: 'VMCOREINFO', description: information },
    { name: 'QEMU', description: state },
  ];
  expect(factsOf(open(kernel.dump(notes)))).toEqual(expectedOf(kernel));
});

describe('a dump in which the kernel is not found', () => {
  test('because its page tables are gone', () => {
    const kernel = toy();
    const text = Buffer.from(kernel.information).toString();
    const wrong = text.replace(/NUMBER\(phys_base\)=.*/u, 'NUMBER(phys_base)=0');
    const dump = kernel.dump([{ name: 'VMCOREINFO', description: Buffer.from(wrong) }]);
    expect(refusal(() => open(dump))).toEqual(
      refused('memory/no-page-tables', /page tables/u, folder.at('vmcore')),
    );
  });

  test('because the machine is not known', () => {
    const path = folder.write('vmcore', toy(toyMachines.arm64).dump());
    const found = refusal(() => openVmcore(path, [x86AddressSpace]));
    expect(found).toEqual(refused('memory/unknown-machine', /machine 183, which is none of x86/u, path));
  });
});

describe('a damaged kernel', () => {
  test('whose module list goes in a circle', () => {
    const kernel = toy();
    const [, second] = kernel.modules;
    const node = (second?.structure ?? 0n) + BigInt(toyModule.list);
    kernel.u64(node, node);
    expect(refusal(() => open(kernel.dump()))).toEqual(
      refused('memory/damaged-module-list', /circle/u, folder.at('vmcore')),
    );
  });

  test('whose modules agree on no layout', () => {
    const kernel = toy(undefined, { btf: false });
    const [, second] = kernel.modules;
    kernel.u64((second?.structure ?? 0n) + BigInt(toyModule.sections), kernel.machine.image);
    expect(refusal(() => open(kernel.dump()))).toEqual(
      refused('memory/no-module-layout', /3 modules do not agree/u, folder.at('vmcore')),
    );
  });

  test('with a module in no state', () => {
    const kernel = toy();
    kernel.u64(kernel.modules[0]?.structure ?? 0n, 0x77n);
    expect(refusal(() => open(kernel.dump()))).toEqual(
      refused('memory/damaged-module', /state is 119/u, folder.at('vmcore')),
    );
  });
});

test('a kernel without modules has none', () => {
  for (const dataSymbols of [true, false]) {
    const kernel = toy(undefined, { dataSymbols });
    for (const { structure } of kernel.modules) kernel.u64(structure + BigInt(toyModule.list), 0n);
    kernel.u64(kernel.head, kernel.head);
    kernel.u64(kernel.head + 8n, kernel.head);
    const vmcore = open(kernel.dump());
    expect([vmcore.modules, vmcore.moduleLayout]).toEqual([[], undefined]);
  }
});
