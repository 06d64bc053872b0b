import type { ByteOrder } from '@kelp/core';
import { GrowingBytes } from './bytes.ts';
import { elfCore, elfNotes, type TestNote } from './elf-core-file.ts';
import { kallsymsNames, kallsymsOffsets, type KallsymsForm, type TableSymbol } from './kallsyms-data.ts';
import { PageTableBuilder, type TestPageTables } from './page-table-builder.ts';
import { testFormats } from './page-table-formats.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { toyArea, toyAttribute, toyBtf, toyModule, type ModuleForm } from './toy-module.ts';

/** Of `toy_second`; the others have none. */
export const toySrcversion = '533BB7E5866E52F63B9ACCB';

/** Where the kernel of an architecture has its parts. */
export interface ToyMachine {
  readonly machine: number;
  readonly byteOrder: ByteOrder;
  /** Byte order of the dump's headers. */
  readonly headerOrder?: ByteOrder;
  readonly tables: TestPageTables;
  readonly pageSize: number;
  /** Where physical memory begins. */
  readonly memory: bigint;
  /** Virtual address of the kernel image, which lies 1 MiB into memory. */
  readonly image: bigint;
  readonly modules: bigint;
  readonly exports: 'relative' | 'absolute';
  /** Lines of VMCOREINFO, by the physical address of the image. */
  readonly lines: (image: bigint, physical: bigint) => readonly string[];
}

const kernelMap = 0xffff_ffff_8000_0000n;

function x86(tables: TestPageTables, levels: 4 | 5): ToyMachine {
  return {
    machine: 62,
    byteOrder: 'little',
    tables,
    pageSize: 4096,
    memory: 0n,
    image: 0xffff_ffff_ad00_0000n,
    modules: 0xffff_ffff_c040_0000n,
    exports: 'relative',
    lines: (image, physical) => [
      `NUMBER(phys_base)=${physical - (image - kernelMap)}`,
      `NUMBER(pgtable_l5_enabled)=${levels - 4}`,
    ],
  };
}

function ppc64le(tables: TestPageTables): ToyMachine {
  return {
    machine: 21,
    byteOrder: 'little',
    headerOrder: 'big',
    tables,
    pageSize: 65_536,
    memory: 0n,
    image: 0xc000_0000_0010_0000n,
    modules: 0xc008_0000_0010_0000n,
    exports: 'absolute',
    lines: () => [],
  };
}

const s390x: ToyMachine = {
  machine: 22,
  byteOrder: 'big',
  tables: testFormats.s390xThird,
  pageSize: 4096,
  memory: 0n,
  image: 0x10_0000n,
  modules: 0x3ff_8000_0000n,
  exports: 'absolute',
  lines: () => [],
};

export const toyMachines = {
  'x86, 4 levels': x86(testFormats.x86Four, 4),
  'x86, 5 levels': x86(testFormats.x86Five, 5),
  arm64: {
    machine: 183,
    byteOrder: 'little',
    tables: testFormats.arm64Small,
    pageSize: 4096,
    memory: 0x4000_0000n,
    image: 0xffff_8000_0800_0000n,
    modules: 0xffff_8000_0080_0000n,
    exports: 'relative',
    lines: (image, physical) => [
      `NUMBER(kimage_voffset)=0x${(image - physical).toString(16)}`,
      'NUMBER(VA_BITS)=48',
      'NUMBER(TCR_EL1_T1SZ)=0x10',
      'NUMBER(MODULES_VADDR)=0xffff800000000000',
      'NUMBER(VMALLOC_END)=0xffff8000ffffffff',
    ],
  },
  s390x,
  's390x, 6.10 and later': {
    ...s390x,
    image: 0x3ff_e000_0000n,
    lines: (image, physical) => [
      `KERNELOFFSET=${image.toString(16)}`,
      `KERNELOFFPHYS=${physical.toString(16)}`,
    ],
  },
  'ppc64le, radix': ppc64le(testFormats.ppc64leRadixLarge),
  'ppc64le, hash': ppc64le(testFormats.ppc64leHashLarge),
} as const satisfies Readonly<Record<string, ToyMachine>>;

export interface ToyOptions extends ModuleForm {
  readonly kallsyms: KallsymsForm;
  /** Whether kallsyms lists data too (CONFIG_KALLSYMS_ALL). */
  readonly dataSymbols: boolean;
  /** Whether the kernel carries type information. */
  readonly btf: boolean;
}

export interface ToyModule {
  readonly name: string;
  readonly structure: bigint;
  readonly base: bigint;
  readonly size: number;
  readonly sections: readonly (readonly [name: string, address: bigint])[];
  readonly symbols: readonly (readonly [name: string, address: bigint, type: string])[];
  readonly perCpu: bigint | undefined;
}

export const release = '6.1.0-toy';

/** A kernel with two modules in the memory of a machine, as far as a dump shows it. */
export class ToyKernel {
  readonly machine: ToyMachine;
  readonly memory: PhysicalMemory;
  readonly symbols: TableSymbol[] = [];
  readonly exports = new Map<string, bigint>();
  readonly modules: ToyModule[] = [];
  readonly information: Uint8Array;
  /** Virtual address of `modules`. */
  readonly head: bigint;
  readonly #options: ToyOptions;
  readonly #image: bigint;
  readonly #tables: PageTableBuilder;
  #next: bigint;
  #nextModule: bigint;

  constructor(machine: ToyMachine, options: ToyOptions) {
    this.machine = machine;
    this.#options = options;
    this.memory = new PhysicalMemory(machine.memory, 8 << 20);
    const lowcore = this.memory.allocate(1 << 20, 1);
    this.#image = this.memory.allocate(4 << 20, 1 << 20);
    this.#next = machine.image;
    this.#nextModule = machine.modules;
    if (lowcore !== machine.memory) throw new Error('the image lies 1 MiB into memory');

    const root = this.#place(8 << (machine.tables.levels[0]?.bits ?? 0), 1 << 16);
    this.#tables = new PageTableBuilder(machine.tables, this.memory, this.#physical(root));
    this.#tables.mapRange(machine.image, this.#image, 4 << 20);
    const lines = [
      `OSRELEASE=${release}`,
      `PAGESIZE=${machine.pageSize}`,
      `SYMBOL(swapper_pg_dir)=${root.toString(16)}`,
    ];

    this.#function('_stext');
    for (const name of ['strcmp', 'schedule', 'kfree', 'call_rcu'])
      this.exports.set(name, this.#function(name));
    for (const name of ['jiffies', 'system_wq']) this.exports.set(name, this.#data(name, 16));
    const names = this.#data('init_uts_ns', 4 + 6 * 65);
    this.#write(names + 4n + 130n, Buffer.from(release));
    this.#write(names + 4n + 195n, Buffer.from('#1 SMP Toy 6.1.7-1'));
    lines.push(`SYMBOL(init_uts_ns)=${names.toString(16)}`, 'OFFSET(uts_namespace.name)=4');
    lines.push(...machine.lines(machine.image, this.#image));
    const memoryEnd = this.#data('high_memory', 8);
    this.u64(memoryEnd, machine.memory + BigInt(8 << 20));
    if (machine.machine === 22) lines.push(`SYMBOL(high_memory)=${memoryEnd.toString(16)}`);

    this.head = this.#data('modules', 16);
    this.#addModules();
    this.#addExports();
    if (options.btf) this.#addBtf();
    lines.push(...this.#addKallsyms());
    this.information = Buffer.from(`${lines.join('\n')}\n`);
  }

  /** Write a 64-bit number at a virtual address. */
  u64(address: bigint, value: bigint): void {
    this.memory.putU64(this.#physical(address), value, this.machine.byteOrder);
  }

  /** Put VMCOREINFO where the kernel keeps it: a page of its own. Returns its physical address. */
  keepInformation(): bigint {
    const address = this.#physical(this.#place(4096, 4096));
    this.memory.put(address, this.information);
    return address;
  }

  /** Let the lowcore point to a note with VMCOREINFO. */
  pointToInformation(): void {
    const note = elfNotes([{ name: 'VMCOREINFO', description: this.information }], this.machine.byteOrder);
    const address = this.#physical(this.#place(note.length + 64, 8));
    this.memory.put(address, note);
    this.memory.putU64(this.machine.memory + 0xe0cn, address, this.machine.byteOrder);
  }

  /** An ELF dump by physical addresses. */
  dump(notes: readonly TestNote[] = [{ name: 'VMCOREINFO', description: this.information }]): Uint8Array {
    const { machine, headerOrder, byteOrder } = this.machine;
    const segment = { virtual: this.memory.start, physical: this.memory.start, bytes: this.memory.bytes };
    return elfCore({ machine, byteOrder: headerOrder ?? byteOrder, segments: [segment], notes });
  }

  /** Physical address of a virtual one. */
  #physical(address: bigint): bigint {
    const offset = address % BigInt(this.machine.pageSize);
    const page = this.#modulePages.get(address - offset);
    return page === undefined ? this.#image + (address - this.machine.image) : page + offset;
  }

  readonly #modulePages = new Map<bigint, bigint>();

  #place(size: number, alignment = 8): bigint {
    const misaligned = this.#next % BigInt(alignment);
    const address = misaligned === 0n ? this.#next : this.#next + BigInt(alignment) - misaligned;
    this.#next = address + BigInt(size);
    return address;
  }

  #write(address: bigint, bytes: Uint8Array): void {
    this.memory.put(this.#physical(address), bytes);
  }

  #text(text: string): bigint {
    const address = this.#place(text.length + 1, 1);
    this.#write(address, Buffer.from(`${text}\0`));
    return address;
  }

  #function(name: string): bigint {
    const address = this.#place(64, 64);
    this.symbols.push({ name, address, type: 'T' });
    return address;
  }

  #data(name: string, size: number): bigint {
    const address = this.#place(size);
    if (this.#options.dataSymbols) this.symbols.push({ name, address, type: 'D' });
    return address;
  }

  #addBtf(): void {
    const bytes = toyBtf(this.#options, this.machine.byteOrder);
    const address = this.#data('__start_BTF', bytes.length);
    this.#write(address, bytes);
  }

  /** Two tables, each in the order of names: for all modules, and for GPL-compatible ones. */
  #addExports(): void {
    const groups = [
      ['jiffies', 'kfree', 'schedule', 'strcmp'],
      ['call_rcu', 'system_wq'],
    ];
    const places = groups
      .flat()
      .map((name) => ({ name, value: this.exports.get(name) ?? 0n, text: this.#text(name) }));
    const isRelative = this.machine.exports === 'relative';
    const entry = isRelative ? 12 : 24;
    // An entry of zeros on either side ends the tables.
    this.#place(entry, 8);
    const table = this.#data('__start___ksymtab', entry * places.length);
    for (const [index, { value, text }] of places.entries()) {
      const address = table + BigInt(index * entry);
      if (!isRelative) {
        this.u64(address, value);
        this.u64(address + 8n, text);
        continue;
      }
      const bytes = new GrowingBytes(this.machine.byteOrder);
      bytes.u32(Number(BigInt.asUintN(32, value - address)));
      bytes.u32(Number(BigInt.asUintN(32, text - address - 4n)));
      this.#write(address, bytes.bytes);
    }
    this.#place(entry);
  }

  #addKallsyms(): string[] {
    const { byteOrder, image } = this.machine;
    const lines: string[] = [];
    const keep = (name: string, bytes: Uint8Array): bigint => {
      const address = this.#place(bytes.length);
      this.#write(address, bytes);
      lines.push(`SYMBOL(kallsyms_${name})=${address.toString(16)}`);
      return address;
    };
    this.symbols.sort((a, b) => (a.address < b.address ? -1 : 1));
    const { tokenTable, tokenIndex, names } = kallsymsNames(this.symbols, byteOrder);
    const count = new GrowingBytes(byteOrder);
    count.u32(this.symbols.length);
    keep('num_syms', count.bytes);
    keep('token_table', tokenTable);
    keep('token_index', tokenIndex);
    keep('names', names);
    const offsets = keep('offsets', new Uint8Array(this.symbols.length * 4));
    this.#write(
      offsets,
      kallsymsOffsets(this.symbols, byteOrder, this.#options.kallsyms, { table: offsets, base: image }),
    );
    if (this.#options.kallsyms !== 'from own place')
      this.u64(keep('relative_base', new Uint8Array(8)), image);
    return lines;
  }

  #addModules(): void {
    for (const name of ['toy_first', 'toy_second', 'toy_third']) this.modules.push(this.#addModule(name));
    // load_module adds at the head, so the list runs from the newest to the oldest.
    const nodes = [
      this.head,
      ...this.modules.map(({ structure }) => structure + BigInt(toyModule.list)).toReversed(),
    ];
    for (const [index, node] of nodes.entries()) {
      const next = nodes[(index + 1) % nodes.length] ?? 0n;
      this.u64(node, next);
      this.u64(next + 8n, node);
    }
  }

  /** Three pages of text, data and read-only data, one behind the other, a page apart from the next module. */
  #addModule(name: string): ToyModule {
    const { pageSize } = this.machine;
    const page = BigInt(pageSize);
    const [text, data, constant] = [0n, 1n, 2n].map((number) => this.#nextModule + number * page);
    if (text === undefined || data === undefined || constant === undefined) throw new Error('three pages');
    this.#nextModule += 4n * page;
    for (const address of [text, data, constant]) {
      const physical = this.memory.allocate(pageSize, pageSize);
      this.#modulePages.set(address, physical);
      this.#tables.map(address, physical);
    }
    const structure = data + 0x40n;
    const sections = [
      ['.text', text],
      ['.rodata', constant],
      ['.data', data],
      ['.gnu.linkonce.this_module', structure],
      ['.init.text', this.#nextModule + 0x1000_0000n],
      ['.symtab', this.#nextModule + 0x1001_0000n],
    ] as const;
    const symbols = [
      [`${name}_main`, text + 0x10n, 't'],
      ['counter', data, 'd'],
    ] as const;
    const perCpu = name === 'toy_second' ? 0x35008n : undefined;

    this.#write(structure + BigInt(toyModule.name), Buffer.from(name));
    this.#writeAreas(structure, [text, data, constant]);
    this.#writeSections(structure, sections);
    this.#writeSymbols(structure, symbols);
    if (perCpu !== undefined) this.#writePerCpu(structure, perCpu);
    if (name === 'toy_second') this.u64(structure + BigInt(toyModule.srcversion), this.#text(toySrcversion));
    return { name, structure, base: text, size: 3 * pageSize, sections, symbols, perCpu };
  }

  #u32(address: bigint, value: number): void {
    const bytes = new GrowingBytes(this.machine.byteOrder);
    bytes.u32(value);
    this.#write(address, bytes.bytes);
  }

  #writePerCpu(structure: bigint, address: bigint): void {
    this.u64(structure + BigInt(toyModule.perCpu), address);
    this.#u32(structure + BigInt(toyModule.perCpuSize), 24);
  }

  #writeAreas(structure: bigint, pages: readonly bigint[]): void {
    const { pageSize } = this.machine;
    const first = structure + BigInt(toyModule.areas);
    if (this.#options.areas === 'layout') {
      this.u64(first, pages[0] ?? 0n);
      this.#u32(first + BigInt(toyArea.layoutSize), 3 * pageSize);
      return;
    }
    for (const [index, page] of pages.entries()) {
      this.u64(first + BigInt(index * toyArea.memory), page);
      this.#u32(first + BigInt(index * toyArea.memory + toyArea.memorySize), pageSize);
    }
  }

  #writeSections(structure: bigint, sections: ToyModule['sections']): void {
    const isBehind = this.#options.address === 'behind';
    const size = toyAttribute.size + (isBehind ? 8 : 0);
    const attributes = sections.map(([name, address]) => {
      const attribute = this.#place(size);
      this.u64(attribute, this.#text(name));
      this.u64(attribute + BigInt(isBehind ? toyAttribute.size : toyAttribute.private), address);
      return attribute;
    });
    const array = this.#place((attributes.length + 1) * 8);
    for (const [index, attribute] of attributes.entries()) this.u64(array + BigInt(index * 8), attribute);
    const group = this.#place(40);
    this.u64(group, this.#text('sections'));
    this.u64(group + BigInt(toyAttribute.groupArray), array);
    this.u64(structure + BigInt(toyModule.sections), group);
  }

  #writeSymbols(structure: bigint, symbols: ToyModule['symbols']): void {
    const strings = new GrowingBytes(this.machine.byteOrder);
    const table = new GrowingBytes(this.machine.byteOrder);
    strings.text('');
    table.reserve(24);
    for (const [name, address] of symbols) {
      const place = table.u32(strings.text(name));
      table.u64(address, place + 8);
      table.reserve(place + 24);
    }
    const [tableAt, stringsAt, typesAt] = [table.length, strings.length, symbols.length + 1].map((size) =>
      this.#place(size),
    );
    this.#write(tableAt ?? 0n, table.bytes);
    this.#write(stringsAt ?? 0n, strings.bytes);
    this.#write(typesAt ?? 0n, Buffer.from(['?', ...symbols.map(([, , type]) => type)].join('')));
    const core = structure + BigInt(toyModule.coreKallsyms);
    this.u64(structure + BigInt(toyModule.kallsyms), core);
    this.u64(core, tableAt ?? 0n);
    this.#u32(core + 8n, symbols.length + 1);
    this.u64(core + 16n, stringsAt ?? 0n);
    this.u64(core + 24n, typesAt ?? 0n);
  }
}
