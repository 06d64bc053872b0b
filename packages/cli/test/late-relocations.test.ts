import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseKernel, requireArchitecture } from '@kelp/core';
import { findModinfoValue, parseObjectFile } from '@kelp/core/elf';
import {
  LateRelocations,
  layOutModule,
  loadModule,
  placeConsecutively,
  type LoadedModule,
} from '@kelp/loader';
import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { architectures } from '../src/architectures.ts';

/** Where modules are, by architecture. */
const moduleAreas: ReadonlyMap<string, bigint> = new Map([
  ['x86', 0xffff_ffff_c000_0000n],
  ['ppc64le', 0xc008_0000_0000_0000n],
  ['s390x', 0x3ff_8000_0000n],
  ['arm64', 0xffff_8000_7a00_0000n],
]);

const fixtures = [
  'x86/livepatch-6.1',
  'x86/livepatch-7.3',
  'ppc64le/livepatch-6.1',
  'ppc64le/livepatch-7.3',
  's390x/livepatch-6.1',
  's390x/livepatch-7.3',
  'arm64/livepatch-7.3',
];

interface Loaded {
  readonly loaded: LoadedModule;
  readonly late: LateRelocations;
  readonly base: bigint;
}

function load(name: string): Loaded {
  const path = fileURLToPath(new URL(`../../testkit/fixtures/${name}.ko`, import.meta.url));
  const object = parseObjectFile(readFileSync(path), name);
  const architecture = requireArchitecture(object, architectures);
  const base = moduleAreas.get(architecture.id) ?? 0n;
  const vermagic = findModinfoValue(object.section('.modinfo')?.bytes ?? new Uint8Array(), 'vermagic');
  const kernel = parseKernel(vermagic?.split(' ', 1)[0] ?? '');
  const machine = { pageSize: 4096, smp: true, feature: () => undefined, value: () => undefined };
  const plan = architecture.linkage?.plan?.(object, kernel, machine);
  const areas = layOutModule(object, kernel, machine.pageSize, plan);
  const loaded = loadModule({
    object,
    architecture,
    kernel,
    machine,
    addresses: { areas: placeConsecutively(areas, base, machine.pageSize) },
    external: {
      address: (symbol) => base + 0x20_0000n + BigInt(symbol.length) * 64n,
      functionAt: () => undefined,
    },
    livepatchSymbols: (_object, symbol) =>
      [1n, 2n].map((n) => base + 0x30_0000n * n).slice(0, symbol === 'state' ? 2 : 1),
  });
  expect(loaded.refused).toBeUndefined();
  return { loaded, late: new LateRelocations(loaded), base };
}

/** The symbols of a target at an address, each 64 bytes after the one before. */
function target(address: bigint): (object: string, name: string) => readonly bigint[] {
  const names = ['next_state', 'users', 'events', 'state_names', 'stop'];
  return (object, name) => (object === 'hello' ? [address + BigInt(names.indexOf(name)) * 64n] : []);
}

function bytesOf({ image }: LoadedModule): readonly string[] {
  return image.areas.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
}

describe.each(fixtures)('%s', (name) => {
  test('relocations against vmlinux are applied while loading, under their own cause', () => {
    const { loaded, late } = load(name);
    expect(loaded.image.log.causes).toContain('livepatch-relocation');
    expect(late.objects).toEqual(['hello']);
  });

  test('clearing all of it leaves memory as it was, and applying again gives the same bytes', () => {
    assert(
      property(integer({ min: 1, max: 0x3ff }), integer({ min: 1, max: 0x3ff }), (one, other) => {
        const { loaded, late, base } = load(name);
        const before = bytesOf(loaded);
        const [first, second] = [one, other].map((page) => target(base + 0x40_0000n + BigInt(page) * 4096n));
        expect(late.apply('hello', first ?? (() => []), true)).toEqual({ status: 'applied', lost: [] });
        const applied = bytesOf(loaded);
        const cleared = late.clearAll('hello');
        expect(cleared.mismatches).toEqual([]);
        expect(bytesOf(loaded)).toEqual(before);
        expect(late.unused()).toEqual([]);
        expect(late.apply('hello', second ?? (() => []), true).status).toBe('applied');
        late.clearAll('hello');
        late.apply('hello', first ?? (() => []), true);
        expect(bytesOf(loaded)).toEqual(applied);
      }),
      { numRuns: 20 },
    );
  });

  test('a symbol that the object does not have is EINVAL, and nothing of its section is written', () => {
    const { loaded, late } = load(name);
    const before = bytesOf(loaded);
    const outcome = late.apply('hello', () => [], true);
    expect(outcome).toMatchObject({ status: 'refused', errno: 'EINVAL' });
    expect(bytesOf(loaded)).toEqual(before);
  });
});

/** Load, go, and come again somewhere else, as that kernel does it. */
function reload(name: string): Loaded & { readonly again: ReturnType<LateRelocations['apply']> } {
  const made = load(name);
  const { late, base } = made;
  expect(late.apply('hello', target(base + 0x40_0000n), true).status).toBe('applied');
  late.clear('hello');
  return { ...made, again: late.apply('hello', target(base + 0x50_0000n), true) };
}

describe('reloading the target as the kernel does it', () => {
  test('x86 up to 6.1 refuses it, because the fields are not zero', () => {
    expect(reload('x86/livepatch-6.1').again).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
      section: '.text',
    });
  });

  test('x86 of 7.3 clears and applies again', () => {
    expect(reload('x86/livepatch-7.3').again.status).toBe('applied');
  });

  test('ppc64le of 6.1 refuses it, because no nop follows the call any more', () => {
    expect(reload('ppc64le/livepatch-6.1').again).toMatchObject({ status: 'refused', errno: 'ENOEXEC' });
  });

  test('ppc64le of 7.3 leaks the stubs of the old address until there are none left', () => {
    const { again, late } = reload('ppc64le/livepatch-7.3');
    // Two are counted for the two calls; the third request writes behind the section, the fourth fails.
    expect(again).toMatchObject({ status: 'refused', errno: 'ENOENT' });
    expect(late.unused().length).toBeGreaterThan(0);
  });

  test('s390x keeps the old addresses in GOT and PLT', () => {
    const { loaded, late, base, again } = reload('s390x/livepatch-7.3');
    expect(again.status).toBe('applied');
    const old = loaded.image.read(loaded.image.textAddress, 8 * 2);
    const next = Buffer.from(old ?? []).toString('hex');
    // events is the third symbol of the target: its slot was filled once.
    expect(next).toContain((base + 0x40_0000n + 2n * 64n).toString(16));
    expect(late.unused()).toEqual([]);
  });

  test('arm64 faults where a late branch needs a PLT entry: JUMP26 comes first, because the records were sorted', () => {
    const { late, base } = load('arm64/livepatch-7.3');
    const outcome = late.apply('hello', target(base + 0x1000_0000n), true);
    expect(outcome).toMatchObject({ status: 'fault', place: { type: 282 } });
  });
});
