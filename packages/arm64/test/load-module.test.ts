import { parseKernel, type ModuleImage } from '@kelp/core';
import { parseObjectFile, SHT_RELA } from '@kelp/core/elf';
import { loadModule, type LoadedModule } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { arm64 } from '../src/index.ts';
import { encodePltEntry } from '../src/plt-entries.ts';
import { fixtureBytes, machine, toWords } from './test-image.ts';

// Made up: the kernel's text is 1 GiB behind the module, out of reach of a branch; the module's data is near its text.
const kernelText = 0xffff_8000_5000_0000n;
const areas = new Map(
  [
    ['core', 'text'],
    ['rodata'],
    ['ro_after_init'],
    ['data'],
    ['init', 'init_text'],
    ['init_rodata'],
    ['init_data'],
  ].flatMap((names, index) =>
    names.map((name) => [name, 0xffff_8000_1000_0000n + BigInt(index * 0x10_0000)] as const),
  ),
);

/** Every symbol has 4 KiB of its own, by order of first use; versions of symbols (5.10) are weak and unknown. */
function externalSymbols(): { address(name: string): bigint | undefined; functionAt(): undefined } {
  const known = new Map<string, bigint>();
  return {
    address(name) {
      if (name.startsWith('__crc_')) return undefined;
      const address = known.get(name) ?? kernelText + BigInt(known.size * 0x1000) + 0x124n;
      known.set(name, address);
      return address;
    },
    functionAt: () => undefined,
  };
}

function load(
  bytes: Uint8Array,
  release: string,
  features: Readonly<Record<string, boolean>> = {},
): LoadedModule {
  return loadModule({
    object: parseObjectFile(bytes),
    architecture: arm64,
    kernel: parseKernel(release),
    machine: machine(features),
    addresses: { areas },
    external: externalSymbols(),
  });
}

/** Where a branch of an image goes, through its PLT entry where it has one. */
function destination(image: ModuleImage, place: bigint): bigint {
  const word = Number.parseInt(toWords(image.read(place, 4)), 16);
  const direct = BigInt.asUintN(64, place + BigInt(((word << 6) >> 6) * 4));
  const [adrp = 0, add = 0] = toWords(image.read(direct, 12))
    .split(' ')
    .map((text) => Number.parseInt(text, 16));
  if ((adrp & 0x9f00_001f) >>> 0 !== 0x9000_0010) return direct;
  const pages = BigInt.asIntN(21, BigInt(((adrp >>> 5) & 0x7_ffff) * 4 + ((adrp >>> 29) & 3)));
  return (direct & ~0xfffn) + (pages << 12n) + BigInt((add >>> 10) & 0xfff);
}

const releases = [
  ['hello-5.10.ko', '5.10.223'],
  ['hello-6.1.ko', '6.1.0-50-arm64'],
  ['hello-6.12.ko', '6.12.107+deb13-arm64'],
  ['hello-7.3.ko', '7.3-rc7'],
] as const;

describe.each(releases)('%s in %s', (name, release) => {
  test.each([false, true])('every branch arrives; erratum 843419: %s', (affected) => {
    const { image, refused } = load(fixtureBytes(name), release, { WORKAROUND_843419: affected });
    expect(refused).toBeUndefined();
    const { object } = image;
    const symbols = object.symbols();
    const external = externalSymbols();
    for (let index = 1; index < (symbols?.count ?? 0); index++) {
      if (symbols?.isExternal(index) === true) external.address(symbols.name(index));
    }
    let checked = 0;
    for (const section of object.sections.filter(({ type }) => type === SHT_RELA)) {
      const place = image.sections.find((one) => one.index === section.info);
      const table = object.relocations(section);
      for (let index = 0; index < (table?.count ?? 0); index++) {
        const [type, symbol] = [table?.type(index) ?? 0, table?.symbol(index) ?? 0];
        if ((type !== 282 && type !== 283) || place === undefined || symbols?.isExternal(symbol) !== true)
          continue;
        expect(destination(image, place.address + BigInt(table?.offset(index) ?? 0))).toBe(
          external.address(symbols.name(symbol)),
        );
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(3);
  });

  test('.plt holds an entry for each function that .text calls, in order of type and symbol', () => {
    const { image } = load(fixtureBytes(name), release);
    const plt = image.section('.plt');
    const object = image.object;
    const symbols = object.symbols();
    const rela = object.sections.find(
      ({ type, info }) => type === SHT_RELA && object.sections[info]?.name === '.text',
    );
    const records = rela === undefined ? undefined : object.relocations(rela);
    const called = new Map<string, bigint>();
    for (let index = 0; index < (records?.count ?? 0); index++) {
      const [type, symbol] = [records?.type(index) ?? 0, records?.symbol(index) ?? 0];
      if ((type !== 282 && type !== 283) || symbols?.isExternal(symbol) !== true) continue;
      called.set(`${type} ${String(symbol).padStart(5, '0')}`, BigInt(symbol));
    }
    const external = externalSymbols();
    for (let index = 1; index < (symbols?.count ?? 0); index++) {
      if (symbols?.isExternal(index) === true) external.address(symbols.name(index));
    }
    const address = plt?.address ?? 0n;
    const expected = [...called]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, symbol], index) =>
        toWords(
          encodePltEntry(
            external.address(symbols?.name(Number(symbol)) ?? '') ?? 0n,
            address + BigInt(index * 12),
          ),
        ),
      );
    expect(expected.length).toBeGreaterThan(3);
    expect(toWords(image.read(address, expected.length * 12))).toBe(expected.join(' '));
  });

  test('functions save their return address, trampolines lead to ftrace', () => {
    const { image } = load(fixtureBytes(name), release);
    const causes = new Set([...image.log.writes()].map(({ cause }) => cause));
    expect(causes).toContain('plt');
    expect(causes).toContain('ftrace');
    const trampoline = image.section('.text.ftrace_trampoline')?.address ?? 0n;
    const caller = image.externalSymbol('ftrace_caller') ?? 0n;
    expect(toWords(image.read(trampoline, 12))).toBe(toWords(encodePltEntry(caller, trampoline)));
  });
});

describe('kernel features in a module', () => {
  // 6.1: LSE atomics are capability 26; the fixture has one alternative and one callback.
  test.each([
    ['special-6.1.ko', '6.1.176'],
    ['special-6.12.ko', '6.12.107'],
    ['special-7.3.ko', '7.3'],
  ])('%s asks for LSE atomics by name', (name, release) => {
    const { open, refused } = load(fixtureBytes(name), release);
    expect(refused).toBeUndefined();
    expect(open.filter(({ kind }) => kind === 'feature').map(({ id }) => id)).toContain('HAS_LSE_ATOMICS');
  });
});

describe('a changed file', () => {
  test('with another call target changes that PLT entry and nothing else', () => {
    const bytes = Uint8Array.from(fixtureBytes('hello-7.3.ko'));
    const before = load(bytes, '7.3');
    const object = parseObjectFile(bytes);
    const rela = object.sections.find(
      ({ type, info }) => type === SHT_RELA && object.sections[info]?.name === '.text',
    );
    const records = rela === undefined ? undefined : object.relocations(rela);
    const call = Array.from({ length: records?.count ?? 0 }, (_, index) => index).findLast(
      (index) => records?.type(index) === 283,
    );
    // r_addend of the call, which asks for an entry of its own behind that of the other calls.
    const changed = Uint8Array.from(bytes);
    changed[(rela?.offset ?? 0) + (call ?? 0) * 24 + 16] = 4;
    const after = load(changed, '7.3');
    expect(after.refused).toBeUndefined();
    expect(after.image.section('.plt')?.size).toBeGreaterThanOrEqual(before.image.section('.plt')?.size ?? 0);
    expect(toWords(after.image.read(areas.get('text') ?? 0n, 64))).toBe(
      toWords(before.image.read(areas.get('text') ?? 0n, 64)),
    );
  });

  test('without .plt is refused', () => {
    const bytes = Uint8Array.from(fixtureBytes('hello-7.3.ko'));
    bytes.set(Buffer.from('.init.pxx'), Buffer.from(bytes).indexOf('.init.plt\0'));
    expect(load(bytes, '7.3').refused).toMatchObject({ errno: 'ENOEXEC' });
  });

  test('without a trampoline is refused', () => {
    const bytes = Uint8Array.from(fixtureBytes('hello-7.3.ko'));
    bytes.set(
      Buffer.from('.init.text.ftrace_trampolinx'),
      Buffer.from(bytes).indexOf('.init.text.ftrace_trampoline\0'),
    );
    expect(load(bytes, '7.3').refused).toMatchObject({ phase: 'post_relocation', errno: 'ENOEXEC' });
  });
});
