import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_RELA_LIVEPATCH,
  SHT_NOBITS,
  SHT_PROGBITS,
  parseObjectFile,
  type ObjectSpecification,
  type SectionSpecification,
} from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { Inventory, type ModuleInventory, type SectionUse } from '../src/inventory.ts';
import { code, data, modinfo, rela, toy, toyMachine, toyModule } from './toy-architecture.ts';

function take(
  sections: readonly SectionSpecification[],
  more: Partial<ObjectSpecification> = {},
): ModuleInventory {
  return new Inventory([toy]).take(parseObjectFile(toyModule(sections, more), 'toy.ko'));
}

function sectionOf({ sections }: ModuleInventory, name: string): SectionUse | undefined {
  return sections.find((section) => section.name === name);
}

/** A module of a kernel with one table, its relocations at the offsets given. */
function withTable(
  name: string,
  size: number,
  offsets: readonly number[],
  vermagic = '6.1.0 SMP',
): SectionUse | undefined {
  const relocations = offsets.map((offset) => ({ offset, symbol: 1 }));
  const symbols = [{ name: 'work', section: 2 }];
  return sectionOf(
    take([data(name, size), code(), rela(1, relocations), modinfo(vermagic)], { symbols }),
    name,
  );
}

describe('the sections of a module', () => {
  test('are all but the null section, in header order', () => {
    expect(take([code(), data('.data', 8)]).sections.map(({ name }) => name)).toEqual([
      '.text',
      '.data',
      '.shstrtab',
    ]);
  });

  test('count with their sizes, NOBITS included', () => {
    const bss = { name: '.bss', type: SHT_NOBITS, flags: SHF_ALLOC, size: 4096 };
    expect(
      take([code('.text', 24), bss])
        .sections.slice(0, 2)
        .map(({ bytes }) => bytes),
    ).toEqual([24, 4096]);
  });

  test('are each listed where two share a name', () => {
    const { sections } = take([code('.text', 8), code('.text', 16)]);
    expect(sections.filter(({ name }) => name === '.text').map(({ bytes }) => bytes)).toEqual([8, 16]);
  });

  test('may be named like members of JavaScript objects', () => {
    const names = ['__proto__', 'constructor', 'toString'];
    expect(
      take(names.map((name) => data(name, 4)))
        .sections.slice(0, 3)
        .map(({ name }) => name),
    ).toEqual(names);
  });
});

describe('a section is', () => {
  test('known and special where a row names it', () => {
    expect(withTable('__jumps', 24, [0, 4, 12, 16])).toEqual({
      name: '__jumps',
      bytes: 24,
      entries: 2,
      special: true,
      known: true,
    });
  });

  test('neither where no row names it and it looks like any other', () => {
    expect(withTable('.rodata.names', 24, [])).toEqual({
      name: '.rodata.names',
      bytes: 24,
      entries: null,
      special: false,
      known: false,
    });
  });

  test('special but not known where only the detector finds it', () => {
    expect(withTable('__secret', 24, [0, 8, 16])).toEqual({
      name: '__secret',
      bytes: 24,
      entries: null,
      special: true,
      known: false,
    });
  });

  test('not special if it is not loaded', () => {
    expect(sectionOf(take([data('__secret', 16, { flags: SHF_EXECINSTR })]), '__secret')?.special).toBe(
      false,
    );
  });

  test('not known in a kernel that does not have it', () => {
    const older = withTable('__calls', 16, [0, 8], '6.1.0 SMP');
    const newer = withTable('__calls', 16, [0, 8], '6.12.0 SMP');
    expect([older?.known, newer?.known]).toEqual([false, true]);
  });

  test('known where the file does not tell its kernel', () => {
    expect(withTable('__calls', 16, [0, 8], '')?.known).toBe(true);
  });
});

describe('entries', () => {
  test.each([
    ['6.1.0 SMP', 24, [0, 8, 16], 3],
    ['6.12.0 SMP', 24, [0, 4, 12, 16], 2],
  ])('are those of the kernel %s', (vermagic, size, offsets, entries) => {
    expect(withTable('__bugs', size, offsets, vermagic)?.entries).toBe(entries);
  });

  test('are those of another kernel where its layout fits and that of the kernel does not', () => {
    expect(withTable('__bugs', 24, [0, 8, 16], '6.12.0 SMP')?.entries).toBe(3);
  });

  test('are null where the row has no layout', () => {
    expect(withTable('.thunks', 24, [])).toMatchObject({ entries: null, special: true, known: true });
  });

  test('are null where no layout fits', () => {
    expect(withTable('__jumps', 25, [0, 4])).toMatchObject({ entries: null, known: true });
  });

  test('are counted by size alone in a linked file', () => {
    const image = take([data('__jumps', 36)], { type: 2 });
    expect(sectionOf(image, '__jumps')?.entries).toBe(3);
  });

  test('do not count relocations that livepatch applies', () => {
    const late = rela(1, [{ offset: 0 }, { offset: 4 }, { offset: 8 }], { flags: SHF_RELA_LIVEPATCH });
    const inventory = take([data('__jumps', 12), rela(1, [{ offset: 0 }, { offset: 4 }]), late]);
    expect(sectionOf(inventory, '__jumps')?.entries).toBe(1);
  });
});

describe('relocations', () => {
  test('are counted by section and type', () => {
    const { relocations } = take([
      code(),
      data('.data', 8),
      rela(1, [{ type: 1 }, { type: 2 }, { type: 1 }]),
      rela(2, [{ type: 1 }]),
    ]);
    expect(relocations).toEqual([
      { section: '.text', type: 1, count: 2 },
      { section: '.text', type: 2, count: 1 },
      { section: '.data', type: 1, count: 1 },
    ]);
  });

  test('against sections that are not loaded do not count', () => {
    expect(take([data('.debug_info', 8, { flags: 0n }), rela(1, [{}])]).relocations).toEqual([]);
  });

  test('that livepatch applies count even then', () => {
    const inventory = take([
      data('.debug_info', 8, { flags: 0n }),
      rela(1, [{}], { flags: SHF_RELA_LIVEPATCH }),
    ]);
    expect(inventory.relocations).toEqual([{ section: '.debug_info', type: 1, count: 1 }]);
  });

  test('against a section that does not exist do not count', () => {
    expect(take([code(), rela(99, [{}])]).relocations).toEqual([]);
  });

  test('of types that no table has count as well', () => {
    expect(take([code(), rela(1, [{ type: 77 }, { type: 0xffff_ffff }, { type: 77 }])]).relocations).toEqual([
      { section: '.text', type: 77, count: 2 },
      { section: '.text', type: 0xffff_ffff, count: 1 },
    ]);
  });

  test('of one file do not count in the next', () => {
    const inventory = new Inventory([toy]);
    const bytes = toyModule([code(), rela(1, [{ type: 1 }, { type: 3000 }])]);
    const [first, second] = [1, 2].map(() => inventory.take(parseObjectFile(bytes)).relocations);
    expect(second).toEqual(first);
  });
});

function releaseOf(...sections: readonly SectionSpecification[]): string {
  return take(sections).release;
}

describe('the release', () => {
  test('of a module is the first word of vermagic', () => {
    expect(releaseOf(modinfo('6.12.107+deb13-amd64 SMP preempt mod_unload'))).toBe('6.12.107+deb13-amd64');
  });

  test.each([
    ['without modinfo', []],
    ['without vermagic', [data('.modinfo', 8)]],
    ['with an empty vermagic', [modinfo('')]],
    ['whose vermagic starts with a space', [modinfo(' SMP')]],
  ])('of a module %s is unknown', (_what, sections) => {
    expect(releaseOf(...sections)).toBe('unknown');
  });

  test.each(['my-kernel', '6', '99999.1', '6.99999', `6.${'1'.repeat(400)}`])(
    'may be no version at all: %s',
    (vermagic) => {
      expect(take([modinfo(vermagic), data('__calls', 8)])).toMatchObject({ release: vermagic });
    },
  );

  test('of a kernel image is that of its banner', () => {
    const banner =
      'Linux version %s (gcc)\0Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)\0';
    const bytes = new TextEncoder().encode(banner);
    const image = take([{ name: '.rodata', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes }], { type: 2 });
    expect([image.release, image.image]).toEqual(['6.12.107+deb13-amd64', true]);
  });

  test('of a kernel image without a banner is unknown', () => {
    expect(take([data('.rodata', 100)], { type: 2 }).release).toBe('unknown');
  });
});

describe('a file of another architecture', () => {
  test.each([
    ['machine', { machine: 258 }],
    ['byte order', { byteOrder: 'big' }],
  ] as const)('by its %s is an error that names the file', (_what, more) => {
    expect(() => take([code()], more)).toThrow(
      expect.objectContaining({ code: 'architecture/unsupported', file: 'toy.ko' }),
    );
  });
});

describe('machineOf', () => {
  const inventory = new Inventory([toy]);

  test('tells the architecture of a file that is damaged behind its header', () => {
    expect(inventory.machineOf(toyModule([code()]).subarray(0, 64))).toBe('toy');
  });

  test.each([
    ['a file that is cut in its header', toyModule([code()]).subarray(0, 40)],
    ['another machine', toyModule([code()], { machine: toyMachine + 1 })],
    ['an empty file', new Uint8Array()],
  ])('tells nothing of %s', (_what, bytes) => {
    expect(inventory.machineOf(bytes)).toBeUndefined();
  });
});
