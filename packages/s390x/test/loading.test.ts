import { parseKernel, PlacedTable } from '@kelp/core';
import type { ObjectFile } from '@kelp/core/elf';
import { loadModule, questionKey, type LoadedImage, type LoadedModule } from '@kelp/loader';
import { describe, expect, test } from 'vitest';
import { s390x } from '../src/index.ts';
import { fixture, fromHex, hexAt, sectionAt, testImage, toHex } from './test-image.ts';

const text = 0x3ff80000000n;
const areaNames = [
  'text',
  'core',
  'data',
  'rodata',
  'ro_after_init',
  'init',
  'init_text',
  'init_data',
  'init_rodata',
];
/** Text at 0x3ff80000000, every other area 64 KiB further on. */
const areas = new Map(
  areaNames.map((name, index) => [name, text + BigInt(Math.max(index - 1, 0)) * 0x10000n]),
);
const kernelSymbol = 0x3ff7f001000n;
const thunks = new Map(
  [1, 3, 4, 14].map((register) => [
    `__s390_indirect_jump_r${register}`,
    kernelSymbol + BigInt(register * 16),
  ]),
);

interface Options {
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: ReadonlyMap<string, string>;
  readonly addresses?: Readonly<Record<string, bigint>>;
}

function load(
  object: ObjectFile,
  release: string,
  { features = {}, answers, addresses = {} }: Options = {},
): LoadedModule {
  return loadModule({
    object,
    architecture: s390x,
    kernel: parseKernel(release),
    machine: { pageSize: 4096, smp: false, feature: (name) => features[name], value: () => undefined },
    addresses: { areas },
    external: {
      address: (name) => addresses[name] ?? thunks.get(name) ?? kernelSymbol,
      functionAt: (address) => [...thunks].find(([, thunk]) => thunk === address)?.[0],
    },
    perCpuAddress: 0x3ff7e000000n,
    ...(answers === undefined ? {} : { answers }),
  });
}

/** GOT slots, then PLT entries in hexadecimal, from the start of the text area. */
function tables(image: LoadedImage, slots: number, entries: number): readonly string[] {
  const at = (offset: number, length: number): string => toHex(image.read(text + BigInt(offset), length));
  return [
    ...Array.from({ length: slots }, (_, index) => at(index * 8, 8)),
    ...Array.from({ length: entries }, (_, index) => at(slots * 8 + index * 22, 22)),
  ];
}

describe('GOT and PLT', () => {
  const names = fixture('relocations-6.1.ko');

  test('stand in front of the text, slots and entries in the order of their first relocation', () => {
    const { areas: laidOut, image, refused } = load(names, '6.1.176', { features: { expoline: false } });
    expect(laidOut[0]?.placements[0]).toMatchObject({ offset: 88 });
    expect(tables(image, 2, 3)).toEqual([
      '000003ff7f001000', // jiffies
      '000003ff80002000', // variable
      '0d10e310100c000407f100000000000003ff7f001000', // _printk
      '0d10e310100c000407f100000000000003ff800000f0', // near_work
      '0d10e310100c000407f100000000000003ff80000058', // work
    ]);
    // PLT32 is tested as unsigned, but the PLT stands in front of everything.
    expect(refused).toMatchObject({
      phase: 'relocate',
      section: '.data',
      offset: 100,
      errno: 'ENOEXEC',
      reason: 'value -0x2054 is not in 0x0 to 0xffffffff',
    });
  });

  test('with expolines the entries jump to a thunk behind them', () => {
    const loaded = load(fixture('special-6.12.ko'), '6.12.1', { features: { expoline: true } });
    expect(loaded.areas[0]?.placements[0]).toMatchObject({ offset: 104 });
    expect(tables(loaded.image, 2, 4)).toEqual([
      '000003ff7f001000', // jiffies
      '000003ff80010048', // special_count
      '0d10e310100c0004c0f40000001d000003ff80000108', // work_for_all
      '0d10e310100c0004c0f400000012000003ff7f001000', // _printk
      '0d10e310100c0004c0f400000007000003ff80000068', // work
      'c60000000005a7f4000007f100000000000000000000', // the thunk
    ]);
    expect([...loaded.image.log.writes()].filter(({ cause }) => cause === 'expoline').length).toBeGreaterThan(
      0,
    );
  });

  test('an inferred feature changes the layout, too', () => {
    const answers = new Map([[questionKey({ kind: 'feature', id: 'expoline' }), 'on']]);
    const inferred = load(fixture('expoline-6.1.ko'), '6.1', { answers });
    const told = load(fixture('expoline-6.1.ko'), '6.1', { features: { expoline: true } });
    expect(inferred.areas[0]?.placements[0]).toMatchObject({ offset: 256 });
    expect(inferred.image.areas.map(({ bytes }) => toHex(bytes))).toEqual(
      told.image.areas.map(({ bytes }) => toHex(bytes)),
    );
  });

  // Symbol 24 is _printk, with its PLT entry at 16; symbol 19 near_work, with its entry at 38.
  test.each([
    ['32 bits, upward', 20, 24, 0xfffffffen, true],
    ['32 bits, too far upward', 20, 24, 0xffffffffn, false],
    ['32 bits, downward', 20, 24, -0xffffffffn, true],
    ['32 bits, too far downward', 20, 24, -0x100000000n, false],
    ['16 bits, upward', 18, 19, 0x1efffen, true],
    ['16 bits, too far upward', 18, 19, 0x1effffn, false],
    ['16 bits, downward', 18, 19, -0xffffn, true],
    ['16 bits, too far downward', 18, 19, -0x10000n, false],
  ])(
    'a branch leaves the PLT out where its symbol is in reach: %s',
    (_what, type, symbol, distance, direct) => {
      const { image } = load(names, '6.1.176', { features: { expoline: false } });
      const linker = s390x.linkage?.plan?.(names, parseKernel('6.1.176'), image.machine).link(image);
      const P = text + 0x100002n;
      const S = P + distance;
      const one = { type, symbol, symbolName: '', external: true, other: 0, S, A: 2n, P };
      const L = text + (symbol === 24 ? 16n : 38n);
      expect(linker?.letters(one)).toEqual({ kind: 'letters', letters: { G: text, L, D: direct ? S : L } });
      // The entry is written all the same, once.
      expect(linker?.letters({ ...one, S: 0n })).toMatchObject({ kind: 'letters' });
      expect(toHex(image.read(L + 14n, 8))).toBe(S.toString(16).padStart(16, '0'));
    },
  );
});

function causes({ image }: LoadedModule): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { cause } of image.log.writes()) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  return Object.fromEntries(counts);
}

describe('a module with everything', () => {
  const answers = new Map([
    ['feature facility 49', 'on'],
    ['feature relocated_lowcore', 'on'],
    ['feature nobp', 'on'],
    ['kernel-chosen ftrace trampolines of text 0x3ff80000000', '0x3ff80200000'],
  ]);

  test('7.3', () => {
    const loaded = load(fixture('special-7.3.ko'), '7.3', { answers });
    const { image, refused } = loaded;
    expect(refused).toBeUndefined();
    expect(causes(loaded)).toMatchObject({
      got: 3,
      plt: 4,
      alternative: 3,
      expoline: 5,
      'stack-protector': 2,
      'kernel-chosen': 11,
    });
    // llilf %r1 and %r2 with the canary of a relocated lowcore.
    expect(hexAt(image, '.text', 0x14, 12)).toBe('c01f00070240c02f00070240');
    // niai; lg of the relocated lowcore; a branch whose distance stays.
    expect(hexAt(image, '.text', 0x62, 16)).toBe('b2fa0070e33003b80704c0f400000006');
    // The thunks stand in the kernel and are known by name.
    expect([0x98, 0x9e, 0xa4, 0xaa, 0xb6].map((offset) => hexAt(image, '.text', offset, 6))).toEqual([
      '07f447000700',
      '07f147000700',
      '0de347000700',
      '07fe47000700',
      '07fe47000700',
    ]);
    // The first trampoline in the order of addresses is that of work at 0x70 of the text area.
    expect(hexAt(image, '.text', 0, 6)).toBe('c004000fffc8');
    // work_for_all stands 0xc0 bytes behind it and has the second.
    expect(hexAt(image, '.text', 0xc0, 6)).toBe('c004000fff74');
  });

  test.each([
    ['5.10', { alternative: 1, expoline: 5 }],
    ['6.1', { alternative: 1, expoline: 5, 'kernel-chosen': 9 }],
    ['6.12', { alternative: 3, expoline: 5, 'kernel-chosen': 11 }],
    ['7.2', { alternative: 3, expoline: 5, 'kernel-chosen': 11, 'stack-protector': 2 }],
  ])('%s', (series, expected) => {
    const addresses = { __crc_work: 1n, __crc_work_for_all: 2n, __crc_special_count: 3n };
    const loaded = load(fixture(`special-${series}.ko`), series, { answers, addresses });
    expect(loaded.refused).toBeUndefined();
    const found = causes(loaded);
    expect(found).toMatchObject(expected);
    expect(
      ['kernel-chosen', 'stack-protector'].filter((cause) => cause in found && !(cause in expected)),
    ).toEqual([]);
  });

  test('an unexpected instruction ends the pass over the sections: what stands behind is not done', () => {
    const object = fixture('special-7.3.ko');
    // brasl instead of lgrl; the object's sections are views of the file's bytes.
    object.section('.text')?.bytes.set(fromHex('c0e5'), 0x14);
    const loaded = load(object, '7.3', { answers });
    expect(loaded.refused).toMatchObject({ phase: 'post_relocation', errno: 'EINVAL' });
    expect(Object.keys(causes(loaded))).toEqual(['relocation', 'got', 'plt', 'alternative']);
  });
});

test('5.10: entries of the exception table without a handler stay without one when they are sorted', () => {
  const layout = s390x.specialSection('__ex_table')?.layouts[0];
  if (layout === undefined) throw new Error('no layout');
  // Entries for 0x1010 with a handler at 0x3000, and for 0x1000 without.
  const image = testImage({
    release: '5.10',
    memory: [[0x2000n, 'fffff010 00000ffc 0000000000000ff8 ffffeff0 00000ffc 0000000000000000']],
  });
  const table = new PlacedTable(image, sectionAt('__ex_table', 0x2000n, 32), layout);
  table.sort(image, ['insn']);
  table.commit(image, 'sorted-table');
  expect(image.hex(0x2000n, 32)).toBe('fffff0000000100c0000000000000000fffff00000000fec0000000000000fe8');
});
