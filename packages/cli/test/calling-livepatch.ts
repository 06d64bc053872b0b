import { parseKernel, requireArchitecture } from '@kelp/core';
import { parseObjectFile, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS } from '@kelp/core/elf';
import {
  livepatchConfiguration,
  PatchedKernel,
  readLivepatch,
  strategyNamed,
  type ModuleSymbols,
} from '@kelp/livepatch';
import { layOutModule, placeConsecutively, type LoadedImage } from '@kelp/loader';
import { buildLivepatch } from '../../livepatch/test/build-livepatch.ts';
import { architectures } from '../src/architectures.ts';

/** A call in a livepatch: to an import of `vmlinux`, or to a function of a module. */
export interface Call {
  readonly provider: 'one' | 'two' | 'vmlinux';
  readonly function: number;
}

/** What a call looks like, where its relocation is, and where it goes. */
interface CallingArchitecture {
  readonly modules: bigint;
  readonly pageSize: number;
  /** Distance to functions of modules, as far as a branch or its stub reaches. */
  readonly far: bigint;
  readonly code: Uint8Array;
  readonly offset: number;
  readonly type: number;
  readonly addend: bigint;
  readonly destination: (image: LoadedImage, place: bigint) => bigint;
}

const code = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

function view(image: LoadedImage, address: bigint, length: number): DataView {
  const bytes = image.read(address, length);
  if (bytes === undefined) throw new Error(`0x${address.toString(16)} is outside of the module`);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function inside(image: LoadedImage, address: bigint): boolean {
  return image.read(address, 1) !== undefined;
}

/** A 21 bit page distance in immhi:immlo of an ADRP. */
function adrpPage(word: number, place: bigint): bigint {
  const pages = BigInt.asIntN(21, BigInt((((word >>> 5) & 0x7ffff) << 2) | ((word >>> 29) & 3)));
  return (place & ~0xfffn) + (pages << 12n);
}

const calling: Readonly<Record<'arm64' | 'ppc64le' | 's390x' | 'x86', CallingArchitecture>> = {
  x86: {
    modules: 0xffff_ffff_c000_0000n,
    pageSize: 4096,
    far: 0x100_0000n,
    code: code('e800000000909090'),
    offset: 1,
    type: 4,
    addend: -4n,
    destination: (image, place) => place + 4n + BigInt(view(image, place, 4).getInt32(0, true)),
  },
  ppc64le: {
    modules: 0xc008_0000_0000_0000n,
    pageSize: 65536,
    far: 0x1_0000_0000_0000n,
    code: code('0100004800000060'),
    offset: 0,
    type: 10,
    addend: 0n,
    destination: (image, place) => {
      const distance = BigInt.asIntN(26, BigInt(view(image, place, 4).getInt32(0, true) & 0x3fffffc));
      const stub = view(image, place + distance, 40);
      if (stub.getUint32(28, true) !== 0x7374_7562) throw new Error('no stub stands there');
      return stub.getBigUint64(32, true);
    },
  },
  s390x: {
    modules: 0x3ff_8000_0000n,
    pageSize: 4096,
    far: -0x10_0000_0000n,
    code: code('c0e5000000000707'),
    offset: 2,
    type: 20,
    addend: 2n,
    destination: (image, place) => {
      const target = place - 2n + 2n * BigInt(view(image, place, 4).getInt32(0));
      return inside(image, target) ? view(image, target, 22).getBigUint64(14) : target;
    },
  },
  arm64: {
    modules: 0xffff_8000_7a00_0000n,
    pageSize: 4096,
    far: 0x2000_0000n,
    code: code('00000094'),
    offset: 0,
    type: 283,
    addend: 0n,
    destination: (image, place) => {
      const target =
        place + BigInt.asIntN(28, BigInt(view(image, place, 4).getUint32(0, true) & 0x3ffffff) << 2n);
      if (!inside(image, target)) return target;
      const entry = view(image, target, 12);
      if (entry.getUint32(8, true) !== 0xd61f_0200) throw new Error('no entry of the PLT stands there');
      const low = BigInt((entry.getUint32(4, true) >>> 10) & 0xfff);
      return adrpPage(entry.getUint32(0, true), target) + low;
    },
  },
};

export type CallingName = keyof typeof calling;

const linkerSections = {
  x86: [],
  s390x: [],
  ppc64le: [
    { name: '.toc', flags: SHF_ALLOC | SHF_WRITE, alignment: 256, bytes: new Uint8Array(64) },
    {
      name: '.stubs',
      flags: SHF_ALLOC | SHF_EXECINSTR,
      alignment: 8,
      type: SHT_NOBITS,
      bytes: new Uint8Array(),
    },
  ],
  arm64: ['.plt', '.init.plt', '.text.ftrace_trampoline', '.init.text.ftrace_trampoline'].map((name) => ({
    name,
    flags: SHF_ALLOC | SHF_EXECINSTR,
    bytes: new Uint8Array(1),
  })),
} as const;

/** Functions are as far apart as pages: some share one with others of the same module. */
function nameOf({ provider, function: number }: Call): string {
  return provider === 'vmlinux' ? `import_${number}` : `.klp.sym.${provider}.function_${number},0`;
}

/** A livepatch of the modules `one` and `two` that is nothing but calls. */
export class CallingLivepatch {
  readonly kernel: PatchedKernel;
  readonly #calls: readonly Call[];
  readonly #architecture: CallingArchitecture;
  /** Address of function 0 of each module that is there. */
  readonly #bases = new Map<string, bigint>();

  constructor(name: CallingName, release: string, strategy: string, calls: readonly Call[]) {
    const architecture = calling[name];
    this.#architecture = architecture;
    this.#calls = calls;
    const object = parseObjectFile(writeCalls(name, calls));
    const kelpArchitecture = requireArchitecture(object, architectures);
    const configuration = new Map(livepatchConfiguration(kelpArchitecture));
    // Late entries of arm64's PLT are plain stores.
    configuration.delete('STRICT_MODULE_RWX');
    const kernel = parseKernel(release, configuration);
    const { pageSize, modules } = architecture;
    const machine = { pageSize, smp: true, feature: () => undefined, value: () => undefined };
    const plan = kelpArchitecture.linkage?.plan?.(object, kernel, machine);
    const areas = placeConsecutively(layOutModule(object, kernel, pageSize, plan), modules, pageSize);
    this.#bases.set('vmlinux', modules + architecture.far / 2n);
    this.kernel = new PatchedKernel(
      {
        architecture: kelpArchitecture,
        kernel,
        machine,
        moduleArea: modules,
        vmlinux: (symbol) => [this.#address('vmlinux', symbol)],
      },
      strategyNamed(strategy),
      { name: 'patch', object, livepatch: readLivepatch(object) ?? fail() },
      () => ({ areas }),
    );
  }

  #address(provider: string, symbol: string): bigint {
    const number = /\d+$/u.exec(symbol)?.[0] ?? '999';
    return (this.#bases.get(provider) ?? 0n) + BigInt(number) * 0x1010n;
  }

  /** A module is loaded `load` steps further away. False where no stub or entry is left for its functions. */
  comes(module: 'one' | 'two', load: number): boolean {
    const { modules, far } = this.#architecture;
    this.#bases.set(
      module,
      modules + far + BigInt(load) * 0x10_0000n + (module === 'one' ? 0n : 0x800_0000n),
    );
    const find = (symbol: string): readonly bigint[] => [this.#address(module, symbol)];
    const symbols: ModuleSymbols = { coming: find, live: find };
    const { verdict } = this.kernel.comes(module, symbols);
    if (verdict.status === 'done') return true;
    this.#bases.delete(module);
    if (verdict.status === 'refused' && /no (?:PLT entry is left|stub can be made)/u.test(verdict.reason))
      return false;
    throw new Error(JSON.stringify(verdict));
  }

  goes(module: 'one' | 'two'): void {
    this.#bases.delete(module);
    this.kernel.goes(module);
  }

  get image(): LoadedImage {
    return (this.kernel.loaded[0] ?? fail()).image;
  }

  /** For each call of modules that are there: where it goes, and where it should. */
  destinations(): readonly { readonly is: bigint; readonly wanted: bigint }[] {
    const { code: bytes, offset, destination } = this.#architecture;
    const text = this.image.section('.text')?.address ?? 0n;
    return this.#calls.flatMap((call, index) => {
      if (!this.#bases.has(call.provider)) return [];
      const place = text + BigInt(index * bytes.length + offset);
      return {
        is: destination(this.image, place),
        wanted: this.#address(call.provider, nameOf(call).split(',')[0] ?? ''),
      };
    });
  }

  /** Places of its memory that are not zero, with what they hold. */
  bytes(): readonly (readonly [string, number, number])[] {
    const found: (readonly [string, number, number])[] = [];
    for (const { area, bytes } of this.image.areas)
      for (let offset = 0; offset < bytes.length; offset++) {
        const byte = bytes[offset] ?? 0;
        if (byte !== 0) found.push([area.name, offset, byte]);
      }
    return found;
  }
}

function writeCalls(name: CallingName, calls: readonly Call[]): Uint8Array {
  const { code: bytes, offset, type, addend } = calling[name];
  const text = new Uint8Array(Math.max(1, calls.length) * bytes.length + 64);
  for (let index = 0; index < calls.length; index++) text.set(bytes, index * bytes.length);
  const records = calls.map((call, index) => ({
    provider: call.provider,
    record: { offset: index * bytes.length + offset, type, symbol: nameOf(call), addend },
  }));
  const of = (provider: string) => records.flatMap((one) => (one.provider === provider ? one.record : []));
  return buildLivepatch({
    architecture: name,
    modinfo: 'name=patch\0livepatch=Y\0vermagic=7.3.0 SMP \0',
    objects: ['one', 'two'].map((object) => ({
      name: object,
      functions: [{ oldName: 'function_0', position: 0n }],
    })),
    sections: [
      {
        name: '.text',
        flags: SHF_ALLOC | SHF_EXECINSTR,
        alignment: 16,
        bytes: text,
        relocated: of('vmlinux'),
      },
      ...linkerSections[name],
    ],
    late: ['one', 'two'].map((object) => ({
      name: `.klp.rela.${object}..text`,
      target: '.text',
      records: of(object),
    })),
  });
}

function fail(): never {
  throw new Error('the generated livepatch is none');
}
